/** SHA-256 of text, files and folder trees: the only place that turns bytes into identities. */
import { createHash } from "node:crypto";
import { lstat, open, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { Sha256 } from "./artifact.ts";

/** Hex SHA-256 of a string's UTF-8 bytes or of bytes. */
export function sha256(data: string | Uint8Array): Sha256 {
  return createHash("sha256").update(data).digest("hex") as Sha256;
}

/** JSON with sorted keys, so that equal values have equal text; `undefined` members are left out. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}

const CHUNK_BYTES = 1 << 20;

/** Hex SHA-256 of a file, a chunk at a time. */
export async function sha256OfFile(path: string): Promise<Sha256> {
  const hash = createHash("sha256");
  const file = await open(path, "r");
  try {
    // A stream would take a chunk's memory for each of thousands of small files.
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, (await file.stat()).size + 1));
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return hash.digest("hex") as Sha256;
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

export interface TreeEntry {
  /** Relative to the tree's root, "/" separated. */
  readonly path: string;
  readonly kind: "file" | "folder" | "link";
  readonly isExecutable: boolean;
  readonly bytes: number;
  /** Target of a link. */
  readonly link?: string;
}

/** Every entry below a folder, sorted by path. Throws on anything that is not a file, folder or link. */
export async function listTree(root: string): Promise<readonly TreeEntry[]> {
  const entries: TreeEntry[] = [];
  const walk = async (relative: string): Promise<void> => {
    for (const name of await readdir(join(root, relative))) {
      const path = relative === "" ? name : `${relative}/${name}`;
      const stat = await lstat(join(root, path));
      if (stat.isSymbolicLink()) {
        entries.push({ path, kind: "link", isExecutable: false, bytes: 0, link: await readlink(join(root, path)) });
      } else if (stat.isDirectory()) {
        entries.push({ path, kind: "folder", isExecutable: false, bytes: 0 });
        await walk(path);
      } else if (stat.isFile()) {
        entries.push({ path, kind: "file", isExecutable: (stat.mode & 0o111) !== 0, bytes: stat.size });
      } else {
        throw new Error(`${join(root, path)} is neither a file, a folder nor a link`);
      }
    }
  };
  await walk("");
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

export interface Digested {
  readonly sha256: Sha256;
  readonly bytes: number;
}

/** Digest of a file, or of a folder's names, kinds, executable bits, links and contents. */
export async function digestPath(path: string): Promise<Digested> {
  const stat = await lstat(path);
  if (stat.isFile()) return { sha256: await sha256OfFile(path), bytes: stat.size };
  const hash = createHash("sha256");
  let bytes = 0;
  for (const entry of await listTree(path)) {
    const content = entry.kind === "file" ? await sha256OfFile(join(path, entry.path)) : (entry.link ?? "");
    hash.update(`${entry.kind}\0${entry.isExecutable ? "x" : "-"}\0${entry.path}\0${content}\n`);
    bytes += entry.bytes;
  }
  return { sha256: hash.digest("hex") as Sha256, bytes };
}
