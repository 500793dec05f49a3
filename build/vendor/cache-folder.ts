/** Where erth keeps what can be fetched or made again: vendored binaries and cached stages. */
import { constants, existsSync } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { cacheFailure } from "./vendor-errors.ts";

export interface CacheSurroundings {
  readonly platform: NodeJS.Platform;
  readonly home: string;
}

/**
 * `ERTH_CACHE`, else `XDG_CACHE_HOME/erth`, else the OS's own place; absolute.
 * Nothing is created.
 */
export function cacheFolder(
  env: Readonly<Record<string, string | undefined>>,
  around: CacheSurroundings = { platform: process.platform, home: homedir() },
): string {
  if (env.ERTH_CACHE) return resolve(env.ERTH_CACHE);
  // XDG Base Directory Specification: a relative value counts as unset.
  if (env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME)) return join(env.XDG_CACHE_HOME, "erth");
  if (around.platform === "darwin") return join(around.home, "Library", "Caches", "erth");
  if (around.platform === "win32") {
    return join(env.LOCALAPPDATA || join(around.home, "AppData", "Local"), "erth", "cache");
  }
  return join(around.home, ".cache", "erth");
}

/** Creates the cache, whose folder is absolute. Throws `CACHE_NOT_WRITABLE` or `DISK_FULL`. */
export async function makeCacheFolder(folder: string): Promise<void> {
  let existing = folder;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  try {
    // First: below a read-only folder Node's mkdir says only that something is not there.
    await access(existing, constants.W_OK);
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw cacheFailure(cause, folder) ?? cause;
  }
}
