/**
 * Finds `makensis`, which writes Windows setups on any system: the program
 * that ERTH_MAKENSIS names, then the folder that stands in for the lock entry
 * `nsis`, then PATH, then where NSIS's own setup puts it.
 */
import { stat } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { ErthError, messageOf } from "../../runtime/base/errors.ts";
import type { Exec } from "./exec.ts";
import { locate } from "./locate.ts";

/** The first version with `!uninstfinalize`, without which no uninstaller could be signed. */
const LEAST_VERSION = [3, 8] as const;

export interface Makensis {
  /** Absolute. */
  readonly path: string;
  /** As it tells it itself: `v3.08-3+deb12u1`. */
  readonly version: string;
  /** NSIS's own folder, where the program would not find it alone. */
  readonly env: Readonly<Record<string, string>>;
}

export interface MakensisRequest {
  readonly exec: Exec;
  readonly env: NodeJS.ProcessEnv;
  /** `vendor.folders.nsis`: an unpacked NSIS. */
  readonly folder: string | undefined;
  readonly platform?: NodeJS.Platform;
}

/** The program and its version. Throws `TOOL_MISSING`, `TOOL_TOO_OLD` and `TOOL_BROKEN`. */
export async function findMakensis({ exec, env, folder, platform }: MakensisRequest): Promise<Makensis> {
  const host = platform ?? process.platform;
  const program = host === "win32" ? "makensis.exe" : "makensis";
  const tried: string[] = [];
  let found: string | undefined;
  for (const { what, path } of await places(program, env, folder)) {
    tried.push(what);
    if (path !== undefined && (await isFile(path))) found ??= path;
  }
  if (found === undefined) {
    throw new ErthError({
      code: "TOOL_MISSING",
      message: `makensis, which writes the Windows setup, was not found (tried ${tried.join(", ")}).`,
      remedy: `${installCommand(host)}, or set vendor.folders.nsis to an unpacked NSIS, or leave setup out of package.formats.win32`,
      facts: { tried },
    });
  }
  const home = folder !== undefined && found.startsWith(folder) ? { NSISDIR: folder } : {};
  const version = await versionOf(exec, found, home);
  if (!isNewEnough(version)) {
    throw new ErthError({
      code: "TOOL_TOO_OLD",
      message: `${found} is NSIS ${version}; 3.08 is the least that can write a setup whose uninstaller is signed.`,
      remedy: installCommand(host),
      facts: { version },
    });
  }
  return { path: found, version, env: home };
}

/** NSIS counts 3.08, 3.09, 3.10. */
function isNewEnough(version: string): boolean {
  const [, major = "0", minor = "0"] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  const [leastMajor, leastMinor] = LEAST_VERSION;
  return Number(major) > leastMajor || (Number(major) === leastMajor && Number(minor) >= leastMinor);
}

async function places(
  program: string,
  env: NodeJS.ProcessEnv,
  folder: string | undefined,
): Promise<readonly { readonly what: string; readonly path: string | undefined }[]> {
  const programFiles = env["ProgramFiles(x86)"];
  const folders = (env["PATH"] ?? "").split(delimiter).filter((one) => one !== "").length;
  return [
    { what: "ERTH_MAKENSIS", path: env["ERTH_MAKENSIS"] || undefined },
    ...(folder === undefined
      ? [{ what: "vendor.folders.nsis", path: undefined }]
      : [folder, join(folder, "bin"), join(folder, "Bin")].map((one) => ({ what: one, path: join(one, program) }))),
    { what: `${folders} folders of PATH`, path: await locate("makensis", env) },
    ...(programFiles ? [{ what: join(programFiles, "NSIS"), path: join(programFiles, "NSIS", program) }] : []),
  ];
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (facts) => facts.isFile(),
    // A place without it is no fault; another may have it.
    () => false,
  );
}

async function versionOf(exec: Exec, path: string, env: Readonly<Record<string, string>>): Promise<string> {
  try {
    return (await exec(path, ["-VERSION"], { env })).stdout.trim();
  } catch (cause) {
    throw new ErthError({
      code: "TOOL_BROKEN",
      message: `${path} -VERSION failed: ${messageOf(cause)}`,
      remedy: "install NSIS again",
      cause,
    });
  }
}

function installCommand(platform: NodeJS.Platform): string {
  if (platform === "darwin") return "brew install makensis";
  return platform === "win32" ? "winget install NSIS.NSIS" : "apt install nsis (Fedora: dnf install mingw32-nsis)";
}
