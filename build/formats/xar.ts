/**
 * The outside of a XAR archive (`.pkg`): header, zlib-compressed table of
 * contents, heap; and the notarization trailer that may follow. Big endian but
 * for the trailer. Follows `xar.h` of Apple's xar and its wiki's file format.
 */
import { createHash } from "node:crypto";
import { inflateSync } from "node:zlib";
import { ErthError, messageOf } from "../../runtime/base/errors.ts";
import { boundedView } from "./bounded-view.ts";
import type { ByteRange } from "./byte-range.ts";
import { parseXarToc, type XarToc } from "./xar-toc.ts";

const XAR_MAGIC = 0x78617221;
const XAR_HEADER_BYTES = 28;
const MAX_HEADER_BYTES = 256;
const XAR_VERSION = 1;
const MAX_TOC_BYTES = 64 << 20;

const TRAILER_MAGIC = 0x726c3874;
const TRAILER_BYTES = 16;
const TRAILER_VERSION = 1;
const TRAILER_TYPE = { terminator: 1, ticket: 2 } as const;

/** Digests of a table of contents, by their names in it and their numbers in the header. */
export const XAR_CHECKSUMS = {
  sha1: { number: 1, bytes: 20 },
  sha256: { number: 3, bytes: 32 },
} as const;
export type XarChecksum = keyof typeof XAR_CHECKSUMS;

export interface XarArchive {
  readonly toc: XarToc;
  /** Of the compressed table of contents, as it is; equal to the one in the heap. */
  readonly checksum: Uint8Array;
  readonly checksumStyle: XarChecksum;
  /** Where the heap begins in the file. */
  readonly heapOffset: number;
  /** Where the archive ends: the file's end, or the notarization trailer's beginning. */
  readonly endOffset: number;
  /** The stapled ticket. */
  readonly ticket: Uint8Array | undefined;
}

/** Reads header, table of contents and trailer, and compares the checksum. Throws `XAR_DAMAGED`. */
export async function readXar(range: ByteRange): Promise<XarArchive> {
  const head = await range.read(0, Math.min(range.size, XAR_HEADER_BYTES));
  const view = boundedView(head, "big", xarDamaged);
  if (view.u32(0, "its header") !== XAR_MAGIC) throw xarDamaged('it does not begin with "xar!"');
  const sizes = view.u32(4, "its header");
  const headerBytes = sizes >>> 16;
  if ((sizes & 0xffff) !== XAR_VERSION) throw xarDamaged(`its header has version ${sizes & 0xffff}`);
  if (headerBytes < XAR_HEADER_BYTES || headerBytes > MAX_HEADER_BYTES)
    throw xarDamaged(`its header has ${headerBytes} bytes`);
  const compressedBytes = view.u64(8, "the table of contents");
  const tocBytes = view.u64(16, "the table of contents");
  const heapOffset = headerBytes + compressedBytes;
  if (compressedBytes > MAX_TOC_BYTES || tocBytes > MAX_TOC_BYTES || heapOffset > range.size) {
    throw xarDamaged(
      `its table of contents has ${compressedBytes} bytes, ${tocBytes} uncompressed, in a file of ${range.size}`,
    );
  }
  const compressed = await range.read(headerBytes, compressedBytes);
  const toc = parseXarToc(inflate(compressed, tocBytes));
  const { endOffset, ticket } = await readTrailer(range, heapOffset);
  const { style, offset, size } = toc.checksum;
  if (style !== "sha1" && style !== "sha256") throw xarDamaged(`its checksum is a ${style}, not SHA-1 or SHA-256`);
  if (size !== XAR_CHECKSUMS[style].bytes || heapOffset + offset + size > endOffset) {
    throw xarDamaged(`its checksum has ${size} bytes at ${offset} of the heap`);
  }
  const checksum = createHash(style).update(compressed).digest();
  if (!checksum.equals(await range.read(heapOffset + offset, size))) {
    throw xarDamaged("its table of contents has another checksum than the heap says");
  }
  for (const { offset: at, length } of toc.data) {
    if (heapOffset + at + length > endOffset)
      throw xarDamaged(`a file's data (${length} bytes at ${at}) reaches beyond its end`);
  }
  return { toc, checksum, checksumStyle: style, heapOffset, endOffset, ticket };
}

/** Header of a table of contents with these sizes. */
export function encodeXarHeader(style: XarChecksum, compressedBytes: number, tocBytes: number): Uint8Array {
  const header = new Uint8Array(XAR_HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, XAR_MAGIC);
  view.setUint16(4, XAR_HEADER_BYTES);
  view.setUint16(6, XAR_VERSION);
  view.setBigUint64(8, BigInt(compressedBytes));
  view.setBigUint64(16, BigInt(tocBytes));
  view.setUint32(24, XAR_CHECKSUMS[style].number);
  return header;
}

/** What a ticket adds to an archive: the end of the archive, the ticket, and where it begins, counted backwards. */
export function encodeXarTrailer(ticket: Uint8Array): Uint8Array {
  return Buffer.concat([
    trailerRecord(TRAILER_TYPE.terminator, 0),
    ticket,
    trailerRecord(TRAILER_TYPE.ticket, ticket.length),
  ]);
}

function trailerRecord(type: number, length: number): Uint8Array {
  const record = new Uint8Array(TRAILER_BYTES);
  const view = new DataView(record.buffer);
  view.setUint32(0, TRAILER_MAGIC, true);
  view.setUint16(4, TRAILER_VERSION, true);
  view.setUint16(6, type, true);
  view.setUint32(8, length, true);
  return record;
}

async function readTrailer(
  range: ByteRange,
  heapOffset: number,
): Promise<{ readonly endOffset: number; readonly ticket: Uint8Array | undefined }> {
  const none = { endOffset: range.size, ticket: undefined };
  if (range.size - heapOffset < 2 * TRAILER_BYTES) return none;
  const last = parseTrailerRecord(await range.read(range.size - TRAILER_BYTES, TRAILER_BYTES));
  if (last === undefined) return none;
  const ticketOffset = range.size - TRAILER_BYTES - last.length;
  const endOffset = ticketOffset - TRAILER_BYTES;
  if (last.type !== TRAILER_TYPE.ticket || endOffset < heapOffset)
    throw xarDamaged("its notarization trailer is cut off");
  const first = parseTrailerRecord(await range.read(endOffset, TRAILER_BYTES));
  if (first?.type !== TRAILER_TYPE.terminator || first.length !== 0)
    throw xarDamaged("its notarization trailer has no beginning");
  return { endOffset, ticket: await range.read(ticketOffset, last.length) };
}

function parseTrailerRecord(bytes: Uint8Array): { readonly type: number; readonly length: number } | undefined {
  const view = boundedView(bytes, "little", xarDamaged);
  if (view.u32(0, "its trailer") !== TRAILER_MAGIC) return undefined;
  const versionAndType = view.u32(4, "its trailer");
  if ((versionAndType & 0xffff) !== TRAILER_VERSION)
    throw xarDamaged("its notarization trailer has an unknown version");
  return { type: versionAndType >>> 16, length: view.u32(8, "its trailer") };
}

function inflate(compressed: Uint8Array, bytes: number): string {
  let inflated: Buffer;
  try {
    inflated = inflateSync(compressed, { maxOutputLength: Math.max(1, bytes) });
  } catch (cause) {
    throw xarDamaged(`its table of contents cannot be unpacked (${messageOf(cause)})`, cause);
  }
  if (inflated.length !== bytes) throw xarDamaged(`its table of contents has ${inflated.length} bytes, not ${bytes}`);
  return inflated.toString("utf8");
}

export function xarDamaged(what: string, cause?: unknown): ErthError {
  return new ErthError({
    code: "XAR_DAMAGED",
    message: `The package is damaged: ${what}.`,
    remedy: "make it again: erth package",
    cause,
  });
}
