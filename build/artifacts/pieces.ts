/**
 * Pieces: files by key below a stage's grain, such as one compressed frame or
 * one stripped runtime. They outlive the stage entries that use them, so that
 * a change of app code recompresses app code alone.
 */
import { mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { systemCode } from "../../runtime/base/errors.ts";
import type { Pieces } from "../stages/stage.ts";
import { sha256 } from "./digest.ts";
import { limiter } from "./limiter.ts";
import { isProcessAlive, workName } from "./work-name.ts";

/** Above this the least recently used pieces go. */
const MAX_BYTES = 8_000_000_000;

export interface PieceStore extends Pieces {
  /** Removes the least recently used pieces until the store is below its limit. */
  prune(maxBytes?: number): Promise<void>;
}

/** Opens the store of pieces in a folder. At most one piece per core is being made at any time. */
export async function openPieces(folder: string): Promise<PieceStore> {
  const whole = join(folder, "pieces");
  const work = join(folder, "pieces-work");
  await mkdir(whole, { recursive: true });
  await mkdir(work, { recursive: true });
  for (const name of await readdir(work)) {
    if (!isProcessAlive(name)) await rm(join(work, name), { recursive: true, force: true });
  }
  const running = new Map<string, Promise<string>>();
  const limit = limiter(availableParallelism());

  const make = async (path: string, write: (temporaryPath: string) => Promise<void>): Promise<string> => {
    try {
      const now = new Date();
      await utimes(path, now, now);
      return path;
    } catch (error) {
      if (systemCode(error) !== "ENOENT") throw error;
    }
    return limit(async () => {
      const temporary = join(work, workName());
      try {
        await write(temporary);
        const handle = await open(temporary, "r+");
        await handle.sync();
        await handle.close();
        await rename(temporary, path);
      } finally {
        await rm(temporary, { force: true });
      }
      return path;
    });
  };

  return {
    get(key, write) {
      const path = join(whole, sha256(key));
      const already = running.get(path);
      if (already) return already;
      const made = make(path, write).finally(() => running.delete(path));
      running.set(path, made);
      return made;
    },
    async prune(maxBytes = MAX_BYTES) {
      const pieces = await Promise.all(
        (await readdir(whole)).map(async (name) => {
          const { size, mtimeMs } = await stat(join(whole, name));
          return { path: join(whole, name), size, mtimeMs };
        }),
      );
      let total = pieces.reduce((sum, piece) => sum + piece.size, 0);
      for (const piece of pieces.sort((a, b) => a.mtimeMs - b.mtimeMs)) {
        if (total <= maxBytes) break;
        await rm(piece.path, { force: true });
        total -= piece.size;
      }
    },
  };
}
