/** Where erth keeps what can be fetched or made again: vendored binaries and cached stages. */
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";

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
