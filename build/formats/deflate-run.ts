/**
 * Raw deflate (RFC 1951) in runs that know nothing of each other: a run refers
 * to no byte before it, ends on a byte boundary and does not carry the final
 * mark. Runs that are made apart, or kept from another day, follow one another
 * in one stream, which `DEFLATE_END` closes. Zip, gzip and MSIX all take them.
 */
import { promisify } from "node:util";
import { constants, deflateRaw, deflateRawSync } from "node:zlib";

/** One compressed run. */
export interface DeflateRun {
  /** Compressed length. */
  readonly length: number;
  /** Compressed length of each block; they sum up to `length`. */
  readonly blocks: readonly number[];
  /** The compressed bytes, from wherever they are kept. */
  read(): AsyncIterable<Uint8Array>;
}

/** Compresses `raw`, which may be kept until the promise resolves, in blocks of `blockBytes` that can be unpacked alone. */
export type Deflate = (raw: Uint8Array, blockBytes: number) => Promise<DeflateRun>;

/** An empty block with the final mark: fixed codes, and end of block at once (§3.2.6). */
export const DEFLATE_END = Uint8Array.of(0x03, 0x00);

/** How much of a file is compressed at a time. The window of 32 KiB that each run loses costs a thousandth. */
export const RUN_BYTES = 4 << 20;

/** Runs that are compressed at a time; libuv has four threads for it. */
export const RUNS_AT_ONCE = 4;

/** Less memory, and so more blocks with codes of their own: programs come out up to two in a hundred smaller than with 9. */
const MEMORY_LEVEL = 7;
const SMALL_BYTES = 16 << 10;

const compress = promisify(deflateRaw);

/** A `Deflate` that keeps nothing. */
export function plainDeflate(level: number): Deflate {
  return async (raw, blockBytes) => runOf(await deflateBlocks(raw, blockBytes, level));
}

/** The compressed blocks of `raw`. */
export async function deflateBlocks(
  raw: Uint8Array,
  blockBytes: number,
  level: number,
): Promise<readonly Uint8Array[]> {
  const options = { level, memLevel: MEMORY_LEVEL, finishFlush: constants.Z_SYNC_FLUSH };
  // A thread is worth its while for more than this.
  if (raw.length <= SMALL_BYTES && raw.length <= blockBytes) {
    return raw.length === 0 ? [] : [deflateRawSync(raw, options)];
  }
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < raw.length; at += blockBytes) {
    blocks.push(await compress(raw.subarray(at, at + blockBytes), options));
  }
  return blocks;
}

/** A run in memory. */
export function runOf(blocks: readonly Uint8Array[]): DeflateRun {
  return {
    length: blocks.reduce((sum, { length }) => sum + length, 0),
    blocks: blocks.map(({ length }) => length),
    async *read() {
      yield* blocks;
    },
  };
}
