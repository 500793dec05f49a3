/** A staged tree as the containers take it: every file cut where one part ends and the next begins. */
import { join } from "node:path";
import { listTree, type TreeEntry } from "../../artifacts/digest.ts";
import type { PackedEntry } from "../../formats/zip-file.ts";
import type { AppTree } from "./app-tree.ts";

/** The app, inside a folder of this name. */
export function packedApp(tree: AppTree, bundleName: string): readonly PackedEntry[] {
  const slices = Map.groupBy(tree.slices, ({ path }) => path);
  const entries = tree.entries.map((entry): PackedEntry => {
    const cuts = (slices.get(entry.path) ?? []).map(({ offset }) => offset);
    return packed(tree.root, entry, `${bundleName}/${entry.path}`, cuts);
  });
  return [{ kind: "folder", name: bundleName }, ...entries];
}

/** What lies in a folder. */
export async function packedFolder(root: string): Promise<readonly PackedEntry[]> {
  return (await listTree(root)).map((entry) => packed(root, entry, entry.path, []));
}

function packed(root: string, entry: TreeEntry, name: string, cuts: readonly number[]): PackedEntry {
  const { path, kind, bytes, isExecutable, link } = entry;
  if (kind === "folder") return { kind, name };
  if (kind === "link") return { kind, name, target: link ?? "" };
  return { kind, name, file: join(root, path), bytes, isExecutable, cuts };
}
