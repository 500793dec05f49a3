/**
 * An archive before it is written: its bytes in order, headers given and
 * contents still in their files. Laying one out costs no memory, and whoever
 * compresses it sees where each content lies.
 */
import { closeSync, createReadStream, openSync, readSync } from "node:fs";
import { open } from "node:fs/promises";
import { fileChanged } from "./byte-range.ts";

export type Extent =
  | { readonly bytes: Uint8Array }
  /** `length` bytes of a file, from `offset` on. */
  | FileExtent;

export interface FileExtent {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

const CHUNK_BYTES = 1 << 20;
/** Up to here, opening a stream takes far longer than reading. */
const SMALL_BYTES = 64 << 10;

/** How many bytes an extent has. */
export function lengthOf(extent: Extent): number {
  return "bytes" in extent ? extent.bytes.length : extent.length;
}

/** How many bytes the extents have together. */
export function totalLength(extents: readonly Extent[]): number {
  return extents.reduce((sum, extent) => sum + lengthOf(extent), 0);
}

/** The bytes, in chunks of at most 1 MiB or as they are given. Throws `FILE_CHANGED` where a file has become shorter. */
export async function* readExtents(extents: readonly Extent[]): AsyncGenerator<Uint8Array> {
  // Thousands of small files and their headers are gathered: every chunk costs its reader some time.
  let gathered: Uint8Array[] = [];
  let bytes = 0;
  for (const extent of extents) {
    const length = lengthOf(extent);
    if (length === 0) continue;
    const isSmall = length <= SMALL_BYTES;
    if (bytes > 0 && (!isSmall || bytes + length > CHUNK_BYTES)) {
      yield Buffer.concat(gathered);
      gathered = [];
      bytes = 0;
    }
    if (isSmall) {
      gathered.push("bytes" in extent ? extent.bytes : readSmall(extent));
      bytes += length;
    } else if ("bytes" in extent) yield extent.bytes;
    else yield* readLarge(extent);
  }
  if (bytes > 0) yield Buffer.concat(gathered);
}

function readSmall({ file, offset, length }: FileExtent): Uint8Array {
  const bytes = Buffer.alloc(length);
  const fd = openSync(file, "r");
  try {
    if (readSync(fd, bytes, 0, length, offset) !== length) throw fileChanged(file);
  } finally {
    closeSync(fd);
  }
  return bytes;
}

async function* readLarge({ file, offset, length }: FileExtent): AsyncGenerator<Uint8Array> {
  const range = { start: offset, end: offset + length - 1, highWaterMark: CHUNK_BYTES };
  let read = 0;
  for await (const chunk of createReadStream(file, range) as AsyncIterable<Buffer>) {
    read += chunk.length;
    yield chunk;
  }
  if (read !== length) throw fileChanged(file);
}

/** Writes the extents to a new file and flushes it; a failure leaves a part of it, which the caller's folder goes with. */
export async function writeExtents(path: string, extents: readonly Extent[], signal: AbortSignal): Promise<void> {
  const file = await open(path, "wx");
  try {
    for await (const chunk of readExtents(extents)) {
      signal.throwIfAborted();
      await file.writeFile(chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}
