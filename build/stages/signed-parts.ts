/** What the files of an app are made of, once its code is signed. */
import type { AppFolderFacts, Segment } from "../artifacts/artifact.ts";
import { listTree } from "../artifacts/digest.ts";
import type { Part } from "../config/resolved-config.ts";

/** A signature lies at the end of its file, and seals and tickets are new files: all belong to what they are for. */
export async function signedParts(folder: string, facts: AppFolderFacts): Promise<AppFolderFacts["parts"]> {
  const parts: Record<string, Part | readonly Segment[]> = {};
  for (const { path, kind, bytes } of await listTree(folder)) {
    if (kind !== "file") continue;
    const before = facts.parts[path] ?? "app code";
    parts[path] = typeof before === "string" ? before : stretched(before, bytes);
  }
  return parts;
}

/** The same segments over a file whose end has moved. */
function stretched(segments: readonly Segment[], bytes: number): readonly Segment[] {
  const kept = segments.filter(({ offset }) => offset < bytes);
  return kept.map((segment, at) => (at === kept.length - 1 ? { ...segment, length: bytes - segment.offset } : segment));
}
