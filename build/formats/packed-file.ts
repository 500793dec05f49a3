/** The files that go into a container: read once, in pieces, each compressed while the next one is read. */
import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { fileChanged, withFileRange } from "./byte-range.ts";
import { type Deflate, type DeflateRun, RUN_BYTES, RUNS_AT_ONCE } from "./deflate-run.ts";
import { inOrder } from "./in-order.ts";

/** What is read at once, without a thread. */
const SMALL_BYTES = 64 << 10;

export interface SourceFile {
  /** Absolute. */
  readonly file: string;
  /** Its size, as it was when the tree was listed. */
  readonly bytes: number;
  /** Offsets, ascending, at which a piece has to end so that what lies on both sides is compressed apart. */
  readonly cuts?: readonly number[];
}

/** What goes into a container: a file, or bytes at hand. */
export type Source = SourceFile | { readonly content: Uint8Array; readonly bytes: number };

export interface FilePiece {
  readonly offset: number;
  readonly raw: Uint8Array;
}

/** Reads a file in pieces of at most `RUN_BYTES`. Throws `FILE_CHANGED` where its size is another than expected. */
export async function* readPieces(source: Source): AsyncGenerator<FilePiece> {
  if ("content" in source) {
    for (const { start, end } of piecesUpTo([source.bytes])) {
      yield { offset: start, raw: source.content.subarray(start, end) };
    }
    return;
  }
  const { file, bytes, cuts = [] } = source;
  const ends = [...cuts.filter((cut) => cut > 0 && cut < bytes), bytes];
  if (bytes <= SMALL_BYTES && ends.length === 1) {
    // An app has thousands of these, and each of four trips to a thread takes longer than this.
    const raw = readFileSync(file);
    if (raw.length !== bytes) throw fileChanged(file);
    if (bytes > 0) yield { offset: 0, raw };
    return;
  }
  for (const { start, end } of piecesUpTo(ends)) {
    const raw = await withFileRange(file, async (range) => {
      if (range.size !== bytes) throw fileChanged(file);
      return range.read(start, end - start);
    });
    yield { offset: start, raw };
  }
}

function* piecesUpTo(ends: readonly number[]): Generator<{ readonly start: number; readonly end: number }> {
  let start = 0;
  for (const stop of ends) {
    while (start < stop) {
      const end = Math.min(start + RUN_BYTES, stop);
      yield { start, end };
      start = end;
    }
  }
}

export interface PackedPiece {
  readonly offset: number;
  /** Raw bytes. */
  readonly bytes: number;
  readonly run: DeflateRun;
}

export interface PackedFile {
  readonly crc32: number;
  readonly pieces: readonly PackedPiece[];
  /** Compressed length, without the stream's end. */
  readonly compressedBytes: number;
}

export interface PackOptions {
  readonly deflate: Deflate;
  /** What can be unpacked alone; `RUN_BYTES` where nothing has to be. */
  readonly blockBytes: number;
  readonly signal: AbortSignal;
  /** Sees every piece in its order, before it is compressed. */
  readonly onPiece?: (piece: FilePiece) => void;
}

/** Compresses a file. What `deflate` keeps is all that stays of it. */
export async function packFile(source: Source, options: PackOptions): Promise<PackedFile> {
  const { deflate, blockBytes, signal, onPiece } = options;
  let checksum = 0;
  async function* tasks(): AsyncGenerator<() => Promise<PackedPiece>> {
    for await (const piece of readPieces(source)) {
      signal.throwIfAborted();
      checksum = crc32(piece.raw, checksum);
      onPiece?.(piece);
      const { offset, raw } = piece;
      yield async () => ({ offset, bytes: raw.length, run: await deflate(raw, blockBytes) });
    }
  }
  const pieces: PackedPiece[] = [];
  for await (const piece of inOrder(tasks(), RUNS_AT_ONCE)) pieces.push(piece);
  return { crc32: checksum, pieces, compressedBytes: pieces.reduce((sum, { run }) => sum + run.length, 0) };
}

/** The file's own bytes once more, for a container that stores it. Throws `FILE_CHANGED` where they are others than before. */
export async function* readAgain(source: Source, before: number): AsyncGenerator<Uint8Array> {
  let checksum = 0;
  for await (const { raw } of readPieces(source)) {
    checksum = crc32(raw, checksum);
    yield raw;
  }
  if (checksum !== before) throw fileChanged("file" in source ? source.file : "the content");
}
