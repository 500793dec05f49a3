/** The files of a bundle as they are on disk: one listing, links checked, with a stamp that tells whether a file was touched. */
import { lstat, open, readdir, readlink, realpath } from "node:fs/promises";
import { join, sep } from "node:path";
import { staysInside } from "../../build/formats/payload.ts";
import type { Problem } from "../../runtime/base/errors.ts";
import { type ByteRange, subRange, withFileRange } from "../../build/formats/byte-range.ts";
import { FAT_TABLE_BYTES, isFat, parseFat } from "./fat.ts";
import { isCodeFileType, isMachO } from "./mach-o.ts";

export type BundleEntry =
  | { readonly kind: "file"; readonly path: string; readonly mode: number; readonly stamp: string }
  | { readonly kind: "folder"; readonly path: string; readonly mode: number }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  | { readonly kind: "other"; readonly path: string };

/** Everything below `root`, "/" separated, sorted; a folder comes before what is in it. */
export async function readBundleTree(root: string): Promise<readonly BundleEntry[]> {
  const entries: BundleEntry[] = [];
  const visit = async (folder: string): Promise<void> => {
    const names = (await readdir(join(root, folder))).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    for (const name of names) {
      const path = folder === "" ? name : `${folder}/${name}`;
      const absolute = join(root, path);
      const stats = await lstat(absolute, { bigint: true });
      const mode = Number(stats.mode & 0o777n);
      if (stats.isSymbolicLink()) entries.push({ kind: "link", path, target: await readlink(absolute) });
      else if (stats.isDirectory()) {
        entries.push({ kind: "folder", path, mode });
        await visit(path);
      } else if (stats.isFile()) {
        const stamp = [stats.dev, stats.ino, stats.size, stats.mtimeNs].join();
        entries.push({ kind: "file", path, mode, stamp });
      } else entries.push({ kind: "other", path });
    }
  };
  await visit("");
  return entries;
}

/** Links that lead out of the bundle or nowhere, and things that are neither file, folder nor link. */
export async function treeProblems(root: string, entries: readonly BundleEntry[]): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  const realRoot = await realpath(root);
  for (const entry of entries) {
    if (entry.kind === "other") {
      problems.push({
        code: "BUNDLE_SPECIAL_FILE",
        message: `${entry.path} is a socket, pipe or device; a bundle holds files, folders and links.`,
        remedy: "remove it, then: erth sign",
      });
    }
    if (entry.kind !== "link") continue;
    const folder = entry.path.split("/").slice(0, -1).join("/");
    // The text of the link and where the file system takes it: a chain of links can leave although each one's text does not.
    const real = await realpath(join(root, entry.path)).catch(() => undefined);
    const isInside = staysInside(folder, entry.target) && real !== undefined && isBelow(realRoot, real);
    if (isInside) continue;
    problems.push({
      code: "BUNDLE_LINK",
      message: `The link ${entry.path} leads ${real === undefined ? "nowhere" : "out of the bundle"}: ${entry.target}.`,
      remedy: "make it a relative link to something inside the bundle, or copy the file in its place, then: erth sign",
    });
  }
  return problems;
}

function isBelow(root: string, path: string): boolean {
  return path === root || path.startsWith(root + sep);
}

/**
 * Whether a file is code that must be signed, by its first bytes: a program,
 * library or bundle, thin or universal. Object files, debug symbols and Java
 * class files are not. Throws `MACHO_…` for a file that begins like code and
 * is damaged.
 */
export async function isCodeFile(path: string): Promise<boolean> {
  const handle = await open(path, "r");
  let head: Uint8Array;
  try {
    const { bytesRead, buffer } = await handle.read(new Uint8Array(FAT_TABLE_BYTES), 0, FAT_TABLE_BYTES, 0);
    head = buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
  if (!isFat(head) && !isMachO(head)) return false;
  return withFileRange(path, async (range) => {
    const [first] = isFat(head) ? parseFat(head, range.size) : [];
    const slice = first === undefined ? range : subRange(range, first.offset, first.size);
    return isCodeFileType(await fileTypeOf(slice));
  });
}

/** The file type alone: an object file need not have the segments that `readMachO` asks for. */
async function fileTypeOf(slice: ByteRange): Promise<number> {
  const head = await slice.read(0, Math.min(16, slice.size));
  // Universal files hold static libraries too.
  if (head.length < 16 || !isMachO(head)) return 0;
  return new DataView(head.buffer, head.byteOffset, head.byteLength).getUint32(12, true);
}
