/** The digest of a local folder that stands in for a locked binary: paths, kinds, executable bits and contents. */
import { createHash } from "node:crypto";
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import { join } from "node:path";

/** Hexadecimal SHA-256 of the folder's tree; the same for the same files wherever they lie. */
export function folderDigest(folder: string): string {
  const digest = createHash("sha256");
  const buffer = Buffer.alloc(1024 * 1024);
  const visit = (path: string): void => {
    const names = readdirSync(join(folder, path)).sort((a, b) => (a < b ? -1 : 1));
    for (const name of names) {
      const inner = path === "" ? name : `${path}/${name}`;
      const facts = lstatSync(join(folder, inner));
      if (facts.isDirectory()) {
        digest.update(JSON.stringify(["folder", inner]));
        visit(inner);
      } else if (facts.isSymbolicLink()) {
        digest.update(JSON.stringify(["link", inner, readlinkSync(join(folder, inner))]));
      } else {
        digest.update(
          JSON.stringify(["file", inner, (facts.mode & 0o100) !== 0, contentDigest(join(folder, inner), buffer)]),
        );
      }
    }
  };
  visit("");
  return digest.digest("hex");
}

function contentDigest(path: string, buffer: Buffer): string {
  const digest = createHash("sha256");
  const file = openSync(path, "r");
  try {
    for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer)) {
      digest.update(buffer.subarray(0, read));
    }
  } finally {
    closeSync(file);
  }
  return digest.digest("hex");
}
