/** What goes into a tar or a cpio archive: the same for both, so that one list of files makes every package. */
import type { Extent } from "./extent.ts";

/** Paths are "/" separated and relative, without `./` and without a "/" at the end. */
export type ArchiveEntry =
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  | { readonly kind: "file"; readonly path: string; readonly isExecutable: boolean; readonly content: Extent };

/** Of every entry: the same tree gives the same bytes. Lintian calls anything before 1984 a mistake. */
export const ARCHIVE_TIME: Date = new Date("2000-01-01T00:00:00Z");

/** Everything belongs to root, and only root may write. */
export function permissionsOf(entry: ArchiveEntry): number {
  if (entry.kind === "link") return 0o777;
  return entry.kind === "folder" || entry.isExecutable ? 0o755 : 0o644;
}
