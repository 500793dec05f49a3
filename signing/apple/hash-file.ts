/** The digests by which a bundle seals a file: SHA-1 for old systems, SHA-256. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

export interface FileHashes {
  readonly sha1: Uint8Array;
  readonly sha256: Uint8Array;
}

/** Both digests of a file, read once. */
export async function hashFile(path: string): Promise<FileHashes> {
  const [sha1, sha256] = [createHash("sha1"), createHash("sha256")];
  const stream: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: 1 << 20 });
  for await (const piece of stream) {
    sha1.update(piece);
    sha256.update(piece);
  }
  return { sha1: sha1.digest(), sha256: sha256.digest() };
}
