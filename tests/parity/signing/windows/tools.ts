/** Where the other implementations are, if they are: on PATH, or in the folder of tools that `.ci/run` fills. */
import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const folder = process.env.ERTH_TOOLS ?? join(homedir(), ".cache", "erth-tools");

export const JSIGN = join(folder, "jsign-7.5.jar");
export const SIGNIFY_PYTHON = join(folder, "signify-0.9.3", "bin", "python");

/** Reads app packages: a console script, or undefined. */
export const OPENAPPX = existing(join(folder, "openappx-0.7.0", "bin", "openappx"));
/** Folder of the schemas of Microsoft's MSIX SDK, or undefined. */
export const MSIX_SCHEMAS = existing(join(folder, "msix-schemas-1.1.5"));

export const hasOsslsigncode = isOnPath("osslsigncode");
export const hasJsign = isOnPath("java") && existsSync(JSIGN);
export const hasSignify = existsSync(SIGNIFY_PYTHON);

function existing(path: string): string | undefined {
  return existsSync(path) ? path : undefined;
}

function isOnPath(tool: string): boolean {
  try {
    execFileSync("which", [tool], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

export interface Ran {
  readonly isDone: boolean;
  /** stdout and stderr. */
  readonly text: string;
}

const start = promisify(execFile);

/** Runs a tool; one that fails is an answer too. */
export async function run(tool: string, args: readonly string[]): Promise<Ran> {
  try {
    const { stdout, stderr } = await start(tool, [...args], { encoding: "utf8", maxBuffer: 16 << 20 });
    return { isDone: true, text: stdout + stderr };
  } catch (cause) {
    if (!(cause instanceof Error && "stdout" in cause && "stderr" in cause)) throw cause;
    return { isDone: false, text: `${String(cause.stdout)}${String(cause.stderr)}` };
  }
}
