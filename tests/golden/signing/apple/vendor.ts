/** The programs that Bun and Node publish for macOS, signed by their makers: fetched through the lock, like a build does. */
import { join } from "node:path";
import { createVendor } from "../../../../build/vendor/create-vendor.ts";
import { cacheFolder } from "../../../../build/vendor/cache-folder.ts";
import { readLock } from "../../../../build/vendor/lock.ts";

const lockPath = join(import.meta.dirname, "../../../../app/erth.lock.json");

export const VENDOR_PROGRAMS = ["bun/darwin-arm64", "bun/darwin-x64", "node/darwin-arm64", "node/darwin-x64"] as const;

/** The path of a program by its name in the lock. */
export async function vendorProgram(name: (typeof VENDOR_PROGRAMS)[number]): Promise<string> {
  return join(await vendorFolder(name), "bin", name.startsWith("bun/") ? "bun" : "node");
}

/** The folder of anything in the lock. */
export async function vendorFolder(name: string): Promise<string> {
  const vendor = createVendor({
    lock: await readLock(lockPath),
    lockPath,
    cacheFolder: cacheFolder(process.env),
    folders: {},
    offline: false,
    env: process.env,
    signal: new AbortController().signal,
    onProgress: () => undefined,
  });
  return vendor.folder(name);
}
