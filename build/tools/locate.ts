/** Finds programs on PATH, and says where it looked. */
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** The program's absolute path, or undefined if no folder of PATH has it. */
export async function locate(program: string, env: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  const endings = process.platform === "win32" ? (env["PATHEXT"] ?? ".EXE;.CMD").split(";") : [""];
  for (const folder of (env["PATH"] ?? "").split(delimiter)) {
    for (const ending of folder === "" ? [] : endings) {
      const path = join(folder, `${program}${ending}`);
      // A folder without it is no fault; the next one may have it.
      if (await access(path, constants.X_OK).then(yes, no)) return path;
    }
  }
  return undefined;
}

const yes = (): boolean => true;
const no = (): boolean => false;
