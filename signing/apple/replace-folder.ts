/** Folders that appear under their name only when they are whole. */
import { lstat, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { ErthError, systemCode } from "../../runtime/base/errors.ts";
import { readBundleTree } from "./bundle-tree.ts";
import { partName } from "./whole-output.ts";

/** Throws `OUTPUT_EXISTS` where something has this name already. */
export async function requireFree(output: string): Promise<void> {
  const stats = await statsOf(output);
  if (stats === undefined) return;
  throw new ErthError({
    code: "OUTPUT_EXISTS",
    message: `${output} is already there.`,
    remedy: "remove it, or name another output, then: erth sign",
  });
}

/** Makes every file of a tree durable. */
export async function syncFiles(folder: string): Promise<void> {
  for (const { kind, path } of await readBundleTree(folder)) {
    if (kind !== "file") continue;
    const handle = await open(join(folder, path), "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

/** Puts the finished folder in its place; an app that was there goes only when its successor is complete. */
export async function replaceFolder(finished: string, output: string): Promise<void> {
  const old = partName(output);
  const hasOld = (await statsOf(output)) !== undefined;
  if (hasOld) await rename(output, old);
  try {
    await rename(finished, output);
  } catch (error) {
    if (hasOld) await rename(old, output);
    throw error;
  }
  if (hasOld) await rm(old, { recursive: true, force: true });
}

async function statsOf(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
