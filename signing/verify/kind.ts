/** What a file is, told by its bytes; its name only says what it ought to be. */
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { isAr } from "../../build/formats/ar-reader.ts";
import { type ByteRange, withFileRange } from "../../build/formats/byte-range.ts";
import { isCompoundFile } from "../../build/formats/compound-file.ts";
import { MANIFEST_NAME } from "../../build/formats/msix.ts";
import { isElf } from "../../build/formats/elf-reader.ts";
import { isRpm } from "../../build/formats/rpm-reader.ts";
import { LIMITS } from "../../build/formats/unpack-limits.ts";
import { readZipRecords } from "../../build/formats/zip-scan-records.ts";
import { ErthError, systemCode } from "../../runtime/base/errors.ts";
import { isFat } from "../apple/fat.ts";
import { isMachO } from "../apple/mach-o.ts";
import { isKoly, KOLY_BYTES } from "../apple/udif.ts";
import { appImageType } from "../linux/verify-appimage.ts";
import type { FileKind } from "./verification.ts";

/** So much of a file's beginning tells its kind. */
export const HEAD_BYTES = 512;

/** What files of these names are; names that say nothing certain are left out. */
const NAMED: Readonly<Record<string, readonly FileKind[]>> = {
  app: ["app"],
  dmg: ["dmg"],
  pkg: ["pkg"],
  zip: ["zip"],
  exe: ["pe"],
  dll: ["pe"],
  sys: ["pe"],
  node: ["pe", "mach-o", "elf"],
  dylib: ["mach-o"],
  so: ["elf"],
  msi: ["msi"],
  msp: ["msi"],
  msix: ["msix"],
  appx: ["msix"],
  deb: ["deb"],
  rpm: ["rpm"],
  appimage: ["appimage"],
};

/** The kind of a file or folder. Throws `USAGE_FILE` for one that cannot be read, `VERIFY_KIND` for a folder that is no app. */
export async function kindOfFile(path: string): Promise<FileKind> {
  try {
    const facts = await stat(path);
    if (facts.isDirectory()) return await kindOfFolder(path);
    if (!facts.isFile()) throw unreadable(path, "is neither a file nor a folder");
    return await withFileRange(path, async (range) => {
      const head = await range.read(0, Math.min(HEAD_BYTES, range.size));
      if (range.size >= KOLY_BYTES && isKoly(await range.read(range.size - KOLY_BYTES, KOLY_BYTES))) return "dmg";
      const kind = kindOfHead(head);
      return kind === "zip" && (await isMsix(range)) ? "msix" : kind;
    });
  } catch (cause) {
    const code = systemCode(cause);
    if (code === undefined || cause instanceof ErthError) throw cause;
    throw unreadable(path, code === "ENOENT" ? "does not exist" : `cannot be read (${code})`, cause);
  }
}

/** The kind by a file's first `HEAD_BYTES`; a disk image is told by its end alone, and an app package is a zip. */
export function kindOfHead(head: Uint8Array): FileKind {
  const begins = Buffer.from(head.subarray(0, 4)).toString("latin1");
  if (begins === "xar!") return "pkg";
  if (begins === "PK\u0003\u0004" || begins === "PK\u0005\u0006") return "zip";
  if (begins.startsWith("MZ")) return "pe";
  if (isCompoundFile(head)) return "msi";
  if (isAr(head) && Buffer.from(head.subarray(8, 21)).toString("latin1") === "debian-binary") return "deb";
  if (isRpm(head)) return "rpm";
  if (isElf(head)) return appImageType(head) === undefined ? "elf" : "appimage";
  return isMachO(head) || isFat(head) ? "mach-o" : "file";
}

/** An app package of Windows is a zip with a manifest. */
async function isMsix(range: ByteRange): Promise<boolean> {
  try {
    const { records } = await readZipRecords(range, LIMITS.maxEntries);
    return records.some(({ name }) => name === MANIFEST_NAME);
  } catch (error) {
    // Whoever verifies it as a zip says what is wrong with it.
    if (error instanceof ErthError) return false;
    throw error;
  }
}

/** What the name promises and the content does not keep; undefined where both agree. */
export function nameFault(path: string, kind: FileKind): string | undefined {
  const name = basename(path);
  const extension = /\.([A-Za-z]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  const expected = NAMED[extension];
  if (expected === undefined || expected.includes(kind)) return undefined;
  return `it is called .${extension}, and is ${kind === "file" ? "nothing of that kind" : `a ${kind} file`}`;
}

async function kindOfFolder(path: string): Promise<FileKind> {
  const contents = await stat(join(path, "Contents")).catch(() => undefined);
  if (contents?.isDirectory()) return "app";
  throw new ErthError({
    code: "VERIFY_KIND",
    message: `${path} is a folder, and no app: it has no Contents.`,
    remedy: "name an .app, or the files in the folder",
  });
}

function unreadable(path: string, why: string, cause?: unknown): ErthError {
  return new ErthError({
    code: "USAGE_FILE",
    message: `${path} ${why}.`,
    remedy: "name a file that exists and may be read",
    cause,
  });
}
