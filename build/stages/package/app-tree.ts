/** An app folder with every byte assigned to its part. */
import { join } from "node:path";
import type { AppFolderFacts } from "../../artifacts/artifact.ts";
import { listTree, type TreeEntry } from "../../artifacts/digest.ts";
import { PARTS, type Part } from "../../config/resolved-config.ts";
import type { Slice } from "../../formats/frames.ts";

/** An app folder, signed or not. */
export interface AppFolder {
  /** Absolute. */
  readonly path: string;
  readonly facts: AppFolderFacts;
}

export interface AppTree {
  /** Absolute. */
  readonly root: string;
  /** Sorted by path; a folder comes before what is in it. */
  readonly entries: readonly TreeEntry[];
  /** Every byte of every file, once. */
  readonly slices: readonly Slice<Part>[];
  readonly fileBytes: number;
}

/** Reads the tree of an app. A file whose parts are not named, or do not cover it, is a bug of the stage that made it. */
export async function readAppTree(app: AppFolder): Promise<AppTree> {
  const entries = await listTree(app.path);
  const slices = entries.flatMap((entry) => (entry.kind === "file" ? slicesOf(app, entry) : []));
  return { root: app.path, entries, slices, fileBytes: slices.reduce((sum, { length }) => sum + length, 0) };
}

function slicesOf(app: AppFolder, { path, bytes }: TreeEntry): readonly Slice<Part>[] {
  const part = app.facts.parts[path];
  if (part === undefined) throw new Error(`${join(app.path, path)} belongs to no part`);
  if (typeof part === "string") return [{ path, part, offset: 0, length: bytes }];
  let at = 0;
  for (const { offset, length } of part) {
    if (offset !== at || length < 0) throw new Error(`the segments of ${path} leave out or repeat byte ${at}`);
    at += length;
  }
  if (at !== bytes) throw new Error(`the segments of ${path} cover ${at} of ${bytes} bytes`);
  return part.map((segment) => ({ path, ...segment }));
}

/** A count for every part, all zero. */
export function noBytes(): Record<Part, number> {
  return Object.fromEntries(PARTS.map((part) => [part, 0])) as Record<Part, number>;
}

/** Sum of the slices by part. */
export function bytesByPart(slices: readonly Slice<Part>[]): Record<Part, number> {
  const sums = noBytes();
  for (const { part, length } of slices) sums[part] += length;
  return sums;
}
