/**
 * Compressed runs that are kept as pieces by the digest of what went in, so
 * that the next release compresses what has changed and nothing else. A piece
 * is one file: the compressed blocks, and behind them the length of each.
 */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { ErthError } from "../../../runtime/base/errors.ts";
import { sha256 } from "../../artifacts/digest.ts";
import { type Deflate, deflateBlocks, type DeflateRun, runOf } from "../../formats/deflate-run.ts";
import type { Pieces } from "../stage.ts";

/** Bumped when the same bytes would give others. */
const PIECE_VERSION = 1;
/** Below this a run is compressed sooner than it is found. */
const LEAST_BYTES = 64 << 10;
const LENGTH_BYTES = 4;

/** A `Deflate` that finds in the store what was compressed before. */
export function keptDeflate(pieces: Pieces, level: number): Deflate {
  return async (raw, blockBytes) => {
    if (raw.length < LEAST_BYTES) return runOf(await deflateBlocks(raw, blockBytes, level));
    const shape = `level ${level} blocks ${blockBytes} zlib ${process.versions.zlib}`;
    const key = `deflate v${PIECE_VERSION} ${sha256(raw)} ${shape}`;
    const path = await pieces.get(key, async (temporary) => {
      await writePiece(temporary, await deflateBlocks(raw, blockBytes, level));
    });
    return await readPiece(path, Math.ceil(raw.length / blockBytes));
  };
}

async function writePiece(path: string, blocks: readonly Uint8Array[]): Promise<void> {
  const lengths = Buffer.alloc(LENGTH_BYTES * blocks.length);
  for (const [at, { length }] of blocks.entries()) lengths.writeUInt32LE(length, at * LENGTH_BYTES);
  const file = await open(path, "w");
  try {
    await file.writeFile(Buffer.concat([...blocks, lengths]));
  } finally {
    await file.close();
  }
}

async function readPiece(path: string, count: number): Promise<DeflateRun> {
  const table = Buffer.alloc(LENGTH_BYTES * count);
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const { bytesRead } = await file.read(table, 0, table.length, Math.max(0, size - table.length));
    const blocks = Array.from({ length: count }, (_, at) => table.readUInt32LE(at * LENGTH_BYTES));
    const length = blocks.reduce((sum, block) => sum + block, 0);
    if (bytesRead === table.length && length + table.length === size) {
      return { length, blocks, read: () => createReadStream(path, { end: length - 1, highWaterMark: 1 << 20 }) };
    }
  } finally {
    await file.close();
  }
  throw new ErthError({
    code: "CACHE_DAMAGED",
    message: `${path} is not a whole compressed piece.`,
    remedy: `rm ${path}, then run the command again`,
  });
}
