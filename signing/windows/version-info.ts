/**
 * VS_VERSIONINFO: what Explorer's "Details" and the task manager show of a
 * program. Follows Win32, "VERSIONINFO resource"; `resedit` encodes it.
 */
import semver from "semver";
import { Resource } from "resedit";
import { ErthError } from "../../runtime/base/errors.ts";

export interface WindowsVersion {
  /** Display name. */
  readonly name: string;
  /** Semantic version. */
  readonly version: string;
  readonly publisher: string;
  /** The program's own file name: `Notes.exe`. */
  readonly fileName: string;
  /** Shown by the task manager; the name unless given. */
  readonly description?: string;
  /** Line for the copyright; left out unless given. */
  readonly copyright?: string;
}

/** US English and UTF-16: what nearly every program declares, whatever language it speaks. */
export const LANGUAGE = 0x409;
const UTF_16 = 1200;
const VOS_NT_WINDOWS32 = 0x0004_0004;
const VFT = { app: 1, dll: 2 } as const;
const VS_FF_PRERELEASE = 0x2;
const VS_FFI_FILEFLAGSMASK = 0x3f;
const MAX_PART = 0xffff;
/** `resedit` leaves out in silence what does not fit into 16-bit lengths; this much always does. */
const MAX_TEXT = 4096;

export type FourPartVersion = readonly [number, number, number, number];

/** Windows' version of a semantic one: major, minor, patch, and zero. Throws `WINDOWS_VERSION`. */
export function fourPartVersion(version: string): FourPartVersion {
  const parsed = semver.parse(version);
  const parts: FourPartVersion | undefined = parsed ? [parsed.major, parsed.minor, parsed.patch, 0] : undefined;
  if (parts?.every((part) => part <= MAX_PART)) return parts;
  throw new ErthError({
    code: "WINDOWS_VERSION",
    message: `Version ${JSON.stringify(version)} cannot be a Windows version: three numbers up to ${MAX_PART} are needed.`,
    remedy: 'set app.version to a semantic version such as "1.4.0"',
  });
}

/** The resource entry. Throws `WINDOWS_VERSION`. */
export function versionResource(facts: WindowsVersion, kind: keyof typeof VFT): { readonly bin: ArrayBuffer } {
  const [major, minor, patch, revision] = fourPartVersion(facts.version);
  const versionMS = ((major << 16) | minor) >>> 0;
  const versionLS = ((patch << 16) | revision) >>> 0;
  const strings: Record<string, string | undefined> = {
    CompanyName: facts.publisher,
    FileDescription: facts.description ?? facts.name,
    FileVersion: [major, minor, patch, revision].join("."),
    InternalName: facts.fileName,
    LegalCopyright: facts.copyright,
    OriginalFilename: facts.fileName,
    ProductName: facts.name,
    // The one place for the whole semantic version.
    ProductVersion: facts.version,
  };
  const values: Record<string, string> = {};
  for (const [key, value] of Object.entries(strings)) {
    if (value) values[key] = value.slice(0, MAX_TEXT).replaceAll("\0", "");
  }
  const info = Resource.VersionInfo.create(
    LANGUAGE,
    {
      fileVersionMS: versionMS,
      fileVersionLS: versionLS,
      productVersionMS: versionMS,
      productVersionLS: versionLS,
      fileFlagsMask: VS_FFI_FILEFLAGSMASK,
      fileFlags: semver.prerelease(facts.version) ? VS_FF_PRERELEASE : 0,
      fileOS: VOS_NT_WINDOWS32,
      fileType: VFT[kind],
    },
    [{ lang: LANGUAGE, codepage: UTF_16, values }],
  );
  return info.generateResource();
}
