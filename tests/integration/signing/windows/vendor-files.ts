/** The Windows binaries that apps are made of, by the lock: from the user's cache, or the npm registry. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder } from "../../../../build/vendor/cache-folder.ts";
import { createVendor } from "../../../../build/vendor/create-vendor.ts";
import { readLock } from "../../../../build/vendor/lock.ts";

const repository = fileURLToPath(new URL("../../../..", import.meta.url));
const lockPath = join(repository, "app/erth.lock.json");

/** Absolute path of a file of this lock entry. */
export async function vendorFile(entry: string, path: string): Promise<string> {
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
  return join(await vendor.folder(entry), path);
}

export const LAUNCHER = join(repository, "build/stub/prebuilt/win32-x64.exe");
