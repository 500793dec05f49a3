/** What the packages for package managers have in common: names, versions, digests, and the prefix. */
import { createHash } from "node:crypto";
import type { ResolvedConfig } from "../../config/resolved-config.ts";
import type { ArchiveEntry } from "../../formats/archive-entry.ts";
import { readExtents } from "../../formats/extent.ts";

/** The entries below `usr`, and the folder itself first. */
export function belowUsr(entries: readonly ArchiveEntry[]): readonly ArchiveEntry[] {
  return [{ kind: "folder", path: "usr" }, ...entries.map((entry) => ({ ...entry, path: `usr/${entry.path}` }))];
}

/**
 * A version that dpkg and rpm order as Semantic Versioning does: a tilde sorts
 * before the end, so before the release itself. A hyphen separates what the
 * packager adds, so no other may stay.
 */
export function packageVersion(version: string): string {
  return version.replace("-", "~").replaceAll("-", ".");
}

/** `Publisher <address>`. */
export function maintainerOf({ app, package: { linux } }: ResolvedConfig): string {
  return linux.email === undefined ? app.publisher : `${app.publisher} <${linux.email}>`;
}

export interface DigestedEntry {
  readonly entry: ArchiveEntry;
  /** Hex digest of a file's content; undefined for everything else. */
  readonly digest: string | undefined;
}

/** The digest of every file. */
export async function digestEntries(
  entries: readonly ArchiveEntry[],
  algorithm: "md5" | "sha256",
): Promise<readonly DigestedEntry[]> {
  const digested: DigestedEntry[] = [];
  for (const entry of entries) {
    if (entry.kind !== "file") {
      digested.push({ entry, digest: undefined });
      continue;
    }
    const hash = createHash(algorithm);
    for await (const chunk of readExtents([entry.content])) hash.update(chunk);
    digested.push({ entry, digest: hash.digest("hex") });
  }
  return digested;
}
