/** Files that appear under their final name only when they are whole: write, fsync, rename. */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { ErthError } from "../../runtime/base/errors.ts";

/** A name beside the final one; a leftover is recognised by `.part`. */
export function temporaryName(path: string): string {
  return `${path}.${process.pid}-${randomBytes(4).toString("hex")}.part`;
}

/** Makes a rename durable. Windows cannot open folders, and its renames need no such help. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes the whole text or bytes under `path`; what was there before stays until then. */
export async function writeWhole(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = temporaryName(path);
  await mkdir(dirname(path), { recursive: true });
  try {
    const handle = await open(temporary, "w");
    try {
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Copies a file whose digest is known, hashing on the way, so that a damaged cache never reaches `dist`. */
export async function copyWhole(from: string, to: string, sha256: string, mode: number): Promise<void> {
  const temporary = temporaryName(to);
  await mkdir(dirname(to), { recursive: true });
  try {
    const hash = createHash("sha256");
    const target = await open(temporary, "w", mode);
    try {
      for await (const chunk of createReadStream(from, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
        hash.update(chunk);
        await target.writeFile(chunk);
      }
      await target.chmod(mode);
      await target.sync();
    } finally {
      await target.close();
    }
    const found = hash.digest("hex");
    if (found !== sha256) {
      throw new ErthError({
        code: "CACHE_DAMAGED",
        message: `${from} has SHA-256 ${found}, but was stored as ${sha256}.`,
        remedy: "delete the cache (erth plan prints its folder) and run the command again",
      });
    }
    await rename(temporary, to);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(to));
}
