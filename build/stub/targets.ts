/** The stub's prebuilt programs: one per target, committed beside their source, rebuilt by `build.ts`. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { executableSuffix, type Target } from "../plan/target.ts";

/** Folder of the prebuilt programs, absolute. */
export const PREBUILT_FOLDER = fileURLToPath(new URL("prebuilt/", import.meta.url));

/** The prebuilt stub of a target, absolute. */
export function stubPath(target: Target): string {
  return join(PREBUILT_FOLDER, `${target}${executableSuffix(target)}`);
}
