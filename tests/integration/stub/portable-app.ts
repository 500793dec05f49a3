/** The small app as a portable Windows program, started by a batch file; without links, which Windows does not let users make. */
import { chmod, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { packageSmallApp, type SmallAppOptions } from "./small-app.ts";

/** Prints how it was started. */
export const BATCH = [
  "@echo cwd %CD%",
  "@echo own %OWN%",
  "@echo file %ERTH_FILE%",
  "@echo args %*",
  "@exit 7",
  "",
].join("\r\n");

export async function packagePortable(options: SmallAppOptions = {}): Promise<string> {
  const { path } = await packageSmallApp({
    target: "win32-x64",
    format: "portable",
    executable: "bin/start.bat",
    parts: { "bin/start.bat": "app code" },
    ...options,
    change: async (root) => {
      await rm(join(root, "bin/link"));
      await writeFile(join(root, "bin/start.bat"), BATCH);
      await chmod(join(root, "bin/start.bat"), 0o755);
      await options.change?.(root);
    },
  });
  return path;
}
