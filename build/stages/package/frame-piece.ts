/** One compressed frame, made once and kept as a piece by the digest of all that shapes it. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream, type WriteStream } from "node:fs";
import { open } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { addAbortSignal, type Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { constants, createZstdCompress, type ZstdCompress } from "node:zlib";
import { ErthError } from "../../../runtime/base/errors.ts";
import { limiter } from "../../artifacts/limiter.ts";
import type { Part } from "../../config/resolved-config.ts";
import { bcjCoder } from "../../formats/bcj.ts";
import type { PlannedFrame, Slice } from "../../formats/frames.ts";
import type { Pieces } from "../stage.ts";
import type { ZstdParameters } from "./compression.ts";

/** Bumped when the same frame would give other bytes. */
const PIECE_VERSION = 2;
const CHUNK_BYTES = 1 << 20;
const END_BYTES = 8;
/** Each takes up to 0.4 GB, whatever the number of targets being built. */
const limit = limiter(Math.min(availableParallelism(), 3));

export interface FramePieceRequest {
  readonly frame: PlannedFrame<Part>;
  /** The app folder. */
  readonly root: string;
  readonly parameters: ZstdParameters;
  readonly pieces: Pieces;
  readonly signal: AbortSignal;
  /** Told raw bytes as they are compressed, all of them at the end. */
  readonly onBytes: (bytes: number) => void;
}

export interface FramePiece {
  /** The frame is the first `length` bytes of this file. */
  readonly path: string;
  readonly length: number;
  /** Of the raw bytes. */
  readonly sha256: string;
  /** Compressed bytes, exactly, of each run of slices of one part. */
  readonly runs: readonly { readonly part: Part; readonly bytes: number }[];
}

/** The compressed frame, from the store of pieces where it is. */
export async function framePiece(request: FramePieceRequest): Promise<FramePiece> {
  return limit(async () => {
    const { frame, root, parameters, pieces, signal } = request;
    signal.throwIfAborted();
    const runs = runsOf(frame);
    const hash = createHash("sha256");
    for await (const chunk of readSlices(root, frame.slices)) hash.update(chunk);
    const sha256 = hash.digest("hex");
    const lengths = runs.map(({ length }) => length);
    const shape = JSON.stringify({ parameters, filter: frame.filter, lengths, zstd: process.versions.zstd });
    let told = 0;
    const path = await pieces.get(`frame v${PIECE_VERSION} ${sha256} ${shape}`, (temporary) =>
      compress({ ...request, onBytes: (bytes) => request.onBytes((told += bytes) && bytes) }, runs, temporary),
    );
    request.onBytes(frame.rawLength - told);
    const ends = await readEnds(path, runs.length);
    return {
      path,
      length: ends.at(-1) ?? 0,
      sha256,
      runs: runs.map(({ part }, at) => ({ part, bytes: (ends[at] ?? 0) - (ends[at - 1] ?? 0) })),
    };
  });
}

interface Run {
  readonly part: Part;
  readonly slices: Slice<Part>[];
  length: number;
}

function runsOf(frame: PlannedFrame<Part>): readonly Run[] {
  const runs: Run[] = [];
  for (const slice of frame.slices) {
    let run = runs.at(-1);
    if (run?.part !== slice.part) runs.push((run = { part: slice.part, slices: [], length: 0 }));
    run.slices.push(slice);
    run.length += slice.length;
  }
  return runs;
}

async function* readSlices(root: string, slices: readonly Slice[]): AsyncGenerator<Buffer> {
  for (const { path, offset, length } of slices) {
    const range = { start: offset, end: offset + length - 1, highWaterMark: CHUNK_BYTES };
    yield* createReadStream(join(root, path), range) as AsyncIterable<Buffer>;
  }
}

/** Writes the frame and, after it, where each run ends in it (u64, little endian): a piece is one file. */
async function compress(request: FramePieceRequest, runs: readonly Run[], path: string): Promise<void> {
  const { frame, parameters, signal } = request;
  const zstd = createZstdCompress({ params: parameters, pledgedSrcSize: frame.rawLength, chunkSize: CHUNK_BYTES });
  addAbortSignal(signal, zstd);
  const output = createWriteStream(path, { flush: true });
  // A stream tells its failure once, whatever is being awaited at that moment.
  const failure = new Promise<never>((_resolve, reject) => {
    zstd.once("error", reject);
    output.once("error", reject);
  });
  try {
    await Promise.race([feed(request, runs, zstd, output), failure]);
  } finally {
    zstd.destroy();
    output.destroy();
  }
}

async function feed(
  { frame, root, onBytes }: FramePieceRequest,
  runs: readonly Run[],
  zstd: ZstdCompress,
  output: WriteStream,
): Promise<void> {
  const count = forward(zstd, output);
  const coder = frame.filter === "none" ? undefined : bcjCoder(frame.filter, "encode");
  const ends: number[] = [];
  for (const [at, run] of runs.entries()) {
    for await (const chunk of readSlices(root, run.slices)) {
      // The stream tells its failure a turn later; what is there until then is no frame.
      if (zstd.destroyed) throw zstd.errored ?? new Error(`compressing ${root} ended early`);
      await write(zstd, coder ? coder.push(chunk) : chunk);
      onBytes(chunk.length);
    }
    // A flush ends a block, so that the sizes on both sides of it are exact; the window goes on.
    if (at < runs.length - 1) {
      await new Promise<void>((resolve) => zstd.flush(constants.ZSTD_e_flush, resolve));
      ends.push(count());
    }
  }
  if (coder) await write(zstd, coder.end());
  zstd.end();
  await once(zstd, "end");
  ends.push(count());
  const trailer = Buffer.alloc(END_BYTES * ends.length);
  for (const [at, end] of ends.entries()) trailer.writeBigUInt64LE(BigInt(end), at * END_BYTES);
  output.end(trailer);
  await finished(output);
}

/** Pipes zstd to a file; the result tells how many bytes zstd has produced. */
function forward(zstd: ZstdCompress, output: Writable): () => number {
  let bytes = 0;
  zstd.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (output.write(chunk)) return;
    zstd.pause();
    output.once("drain", () => zstd.resume());
  });
  return () => bytes + zstd.readableLength;
}

/**
 * Resolves when zstd has taken the whole chunk. Node compresses a chunk that
 * is still queued when the stream ends together with the end, and then ends
 * once more: an empty frame of 9 bytes, by chance of timing.
 */
async function write(zstd: ZstdCompress, chunk: Buffer): Promise<void> {
  if (chunk.length === 0) return;
  await new Promise<void>((resolve, reject) => zstd.write(chunk, (error) => (error ? reject(error) : resolve())));
}

async function readEnds(path: string, count: number): Promise<readonly number[]> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const trailer = Buffer.alloc(END_BYTES * count);
    await file.read(trailer, 0, trailer.length, Math.max(0, size - trailer.length));
    const ends = Array.from({ length: count }, (_, at) => Number(trailer.readBigUInt64LE(at * END_BYTES)));
    if (ends.at(-1) === size - trailer.length) return ends;
  } finally {
    await file.close();
  }
  throw new ErthError({
    code: "CACHE_DAMAGED",
    message: `${path} is not a whole compressed frame.`,
    remedy: `rm ${path}, then run the command again`,
  });
}
