/**
 * `<digest>.part`: the bytes of a download so far, kept across failures and
 * kills. A download first claims the part by renaming it to a name of its own,
 * so two processes never write to one file; what a dead owner left is claimed
 * in the same way.
 */
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "../../runtime/base/errors.ts";
import { isAbandoned, ownerTag } from "./owner-tag.ts";

export interface PartFile {
  /** Ours alone until `release` or `discard`; may not exist yet. */
  readonly path: string;
  /** Hands the bytes, if any, back for a later download, under `<key>.part`. */
  release(key?: string): Promise<void>;
  discard(): Promise<void>;
}

/** Claims the part of this key in the folder, which is created when needed. */
export async function claimPart(folder: string, key: string): Promise<PartFile> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${key}.${ownerTag()}.part`);
  for (const candidate of await unclaimed(folder, key)) {
    if (await renameIfThere(join(folder, candidate), path)) break;
  }
  return {
    path,
    release: async (as = key) => {
      const facts = await stat(path).catch(() => undefined);
      if (facts?.size === 0) await rm(path, { force: true });
      else await renameIfThere(path, join(folder, `${as}.part`));
    },
    discard: () => rm(path, { force: true }),
  };
}

/** Parts that nobody writes to, the longest first. */
async function unclaimed(folder: string, key: string): Promise<readonly string[]> {
  const found: { name: string; bytes: number }[] = [];
  for (const name of await readdir(folder)) {
    if (!name.startsWith(`${key}.`) || !name.endsWith(".part")) continue;
    const facts = await stat(join(folder, name)).catch(() => undefined);
    if (facts === undefined) continue;
    const tag = name.slice(key.length + 1, -".part".length);
    if (tag === "" || name === `${key}.part` || isAbandoned(tag, facts.mtimeMs))
      found.push({ name, bytes: facts.size });
  }
  return found.sort((a, b) => b.bytes - a.bytes).map((part) => part.name);
}

async function renameIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return false;
    throw error;
  }
}
