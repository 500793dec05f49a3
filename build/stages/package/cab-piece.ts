/** One folder of a cabinet, compressed once and kept as a piece by the digest of what is in it. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { ErthError } from "../../../runtime/base/errors.ts";
import { encodeCabBlocks, type CabFolder } from "../../formats/cab.ts";
import type { Pieces } from "../stage.ts";

/** Bumped when the same files would give other bytes. */
const PIECE_VERSION = 1;
const COUNT_BYTES = 4;

export interface CabPieceRequest {
  /** In the order of the folder, "/" separated, relative to `root`. */
  readonly files: readonly { readonly path: string; readonly name: string; readonly bytes: number }[];
  /** The app folder. */
  readonly root: string;
  /** zlib's. */
  readonly level: number;
  readonly pieces: Pieces;
  readonly signal: AbortSignal;
}

export interface CabPiece extends CabFolder {
  /** The blocks are the first `bytes` bytes of this file. */
  readonly path: string;
}

/** The compressed folder, from the store of pieces where it is. */
export async function cabPiece({ files, root, level, pieces, signal }: CabPieceRequest): Promise<CabPiece> {
  const hash = createHash("sha256");
  for await (const chunk of contents(root, files, signal)) hash.update(chunk);
  const key = `cab folder v${PIECE_VERSION} ${hash.digest("hex")} level ${level} zlib ${process.versions.zlib}`;
  const path = await pieces.get(key, async (temporary) => {
    const output = await open(temporary, "wx");
    try {
      let blockCount = 0;
      for await (const block of encodeCabBlocks(contents(root, files, signal), level)) {
        blockCount += 1;
        await output.writeFile(block);
      }
      const count = Buffer.alloc(COUNT_BYTES);
      count.writeUInt32LE(blockCount);
      await output.writeFile(count);
    } finally {
      await output.close();
    }
  });
  let offset = 0;
  const placed = files.map(({ name, bytes }) => {
    const file = { name, bytes, offset };
    offset += bytes;
    return file;
  });
  return { path, files: placed, ...(await readEnd(path)) };
}

async function* contents(
  root: string,
  files: CabPieceRequest["files"],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (const { path, bytes } of files) {
    let length = 0;
    for await (const chunk of createReadStream(join(root, path), { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      signal.throwIfAborted();
      length += chunk.length;
      yield chunk;
    }
    if (length !== bytes) {
      throw new ErthError({
        code: "PACKAGE_FILE_CHANGED",
        message: `${path} had ${bytes} bytes when packing began, and has ${length} now.`,
        remedy: "let nothing write into the app folder meanwhile, then erth package",
      });
    }
  }
}

async function readEnd(path: string): Promise<{ readonly blockCount: number; readonly bytes: number }> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const count = Buffer.alloc(COUNT_BYTES);
    await file.read(count, 0, COUNT_BYTES, size - COUNT_BYTES);
    return { blockCount: count.readUInt32LE(), bytes: size - COUNT_BYTES };
  } finally {
    await file.close();
  }
}
