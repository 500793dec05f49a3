/** Copies of the reference app in folders of their own, to build, change and break. */
import { cpSync, existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../../../build/vendor/cache-folder.ts";

const ROOT = join(import.meta.dirname, "../../..");

/** A copy of the app and the runtime it imports; returns the config's path. */
export function copyProject(folder: string): string {
  for (const name of ["app", "runtime", "build/config", "package.json", "tsconfig.json"]) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
  for (const name of ["build/plan", "build/vendor"]) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return join(folder, "app/erth.config.ts");
}

/** A cache without results that shares the fetched runtimes with this machine's own. */
export function emptyCache(folder: string): string {
  const shared = join(cacheFolder(process.env), "vendor");
  mkdirSync(shared, { recursive: true });
  mkdirSync(folder, { recursive: true });
  if (!existsSync(join(folder, "vendor"))) symlinkSync(shared, join(folder, "vendor"));
  return folder;
}
