/** Opens a single file again: its index, and its frames compared with their digests. Format: `payload.ts`. */
import { createHash } from "node:crypto";
import { createReadStream, readSync } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { constants, createZstdDecompress } from "node:zlib";
import { messageOf } from "../../runtime/base/errors.ts";
import { bcjCoder } from "./bcj.ts";
import {
  FOOTER_SEARCH_BYTES,
  findFooters,
  parseIndex,
  payloadDamaged,
  type PayloadFrame,
  type PayloadIndex,
} from "./payload.ts";
import { readPeOutline } from "./pe-outline.ts";

/** Frames up to 256 MiB may look back over all of it. */
const MAX_WINDOW_LOG = 28;

/** Likenesses of a footer that are looked into; each costs reading an index. */
const MAX_FOOTERS = 16;

export interface Payload {
  /** As it was written, but its frames' offsets are those in this file. */
  readonly index: PayloadIndex;
  readonly fileBytes: number;
  /** Where in the file the single file begins: 0, except in an AppImage. */
  readonly origin: number;
  /** In this file. */
  readonly indexOffset: number;
}

/** The index of a single file, a portable `.exe` or an AppImage. Throws `PAYLOAD_DAMAGED` where there is none, or none that holds. */
export async function readPayload(path: string): Promise<Payload> {
  const file = await open(path, "r");
  try {
    const { size: fileBytes } = await file.stat();
    const end = contentEnd(file.fd, fileBytes);
    const tail = Buffer.alloc(Math.min(end, FOOTER_SEARCH_BYTES));
    await file.read(tail, 0, tail.length, end - tail.length);
    for (const footer of findFooters(tail, end).slice(0, MAX_FOOTERS)) {
      const { origin, indexOffset, indexLength, indexSha256 } = footer;
      const text = Buffer.alloc(indexLength);
      await file.read(text, 0, indexLength, origin + indexOffset);
      if (createHash("sha256").update(text).digest("hex") !== indexSha256) continue;
      const index = parseIndex(text, indexOffset);
      const frames = index.frames.map((frame) => ({ ...frame, offset: origin + frame.offset }));
      return { index: { ...index, frames }, fileBytes, origin, indexOffset: origin + indexOffset };
    }
    throw payloadDamaged("it has no footer, or its index is not the one that was written");
  } finally {
    await file.close();
  }
}

/** Where what a signature covers ends: before the certificate table of a Windows program, else with the file. */
function contentEnd(fd: number, fileBytes: number): number {
  const outline = readPeOutline({
    size: fileBytes,
    read(offset, length) {
      const bytes = Buffer.alloc(length);
      readSync(fd, bytes, 0, length, offset);
      return bytes;
    },
  });
  return Math.min(outline?.certificates?.offset ?? fileBytes, fileBytes);
}

/** Unpacks every frame, so every byte of every file; says what is not as the index has it, one line each. */
export async function payloadFaults(path: string, { index }: Payload): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const [number, frame] of index.frames.entries()) {
    try {
      const found = await rawDigest(path, frame);
      if (found !== frame.sha256) faults.push(`frame ${number} has SHA-256 ${found}, expected ${frame.sha256}`);
    } catch (error) {
      faults.push(`frame ${number} cannot be unpacked: ${messageOf(error)}`);
    }
  }
  return faults;
}

async function rawDigest(path: string, frame: PayloadFrame): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of rawChunks(path, frame)) hash.update(chunk);
  return hash.digest("hex");
}

/** A frame's raw bytes, streamed. Throws where it holds more or fewer than it should. */
export async function* rawChunks(path: string, frame: PayloadFrame): AsyncGenerator<Buffer> {
  const { offset, length, rawLength, filter } = frame;
  const unzstd = createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG } });
  const read = pipeline(createReadStream(path, { start: offset, end: offset + length - 1 }), unzstd);
  // What goes wrong in it also ends the loop below.
  read.catch(() => undefined);
  const coder = filter === "none" ? undefined : bcjCoder(filter, "decode");
  let bytes = 0;
  for await (const chunk of unzstd as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > rawLength) throw new Error(`it holds more than ${rawLength} bytes`);
    yield coder ? coder.push(chunk) : chunk;
  }
  if (coder) yield coder.end();
  if (bytes !== rawLength) throw new Error(`it holds ${bytes} of ${rawLength} bytes`);
}
