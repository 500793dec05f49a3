/** The content of one entry of an untrusted `.zip`, streamed: never more than it promises, and compared with its checksum. */
import { createReadStream } from "node:fs";
import { crc32, createInflateRaw } from "node:zlib";
import { messageOf, systemCode } from "../../runtime/base/errors.ts";
import { zipDamaged } from "./zip-scan-records.ts";
import type { ZipMember } from "./zip-scan.ts";

const PIECE_BYTES = 1 << 18;
const DEFLATED = 8;

/** Throws `ZIP_DAMAGED` at the latest behind the last byte. */
export async function* zipContent(path: string, member: ZipMember): AsyncGenerator<Uint8Array> {
  const { name, method, compressedBytes, bytes, dataOffset } = member;
  const fail = (what: string, cause?: unknown): Error => zipDamaged(`${JSON.stringify(name)} ${what}`, cause);
  let [length, crc] = [0, 0];
  const pieces = method === DEFLATED ? inflated(path, member, fail) : stored(path, dataOffset, compressedBytes);
  for await (const piece of pieces) {
    length += piece.length;
    if (length > bytes) throw fail(`holds more than the ${bytes} bytes that it promises`);
    crc = crc32(piece, crc);
    yield piece;
  }
  if (length !== bytes) throw fail(`holds ${length} of ${bytes} bytes`);
  if (crc !== member.crc32) throw fail("differs from its checksum");
}

async function* stored(path: string, offset: number, length: number): AsyncGenerator<Uint8Array> {
  if (length === 0) return;
  const range = { start: offset, end: offset + length - 1, highWaterMark: PIECE_BYTES };
  yield* createReadStream(path, range) as AsyncIterable<Buffer>;
}

async function* inflated(
  path: string,
  { dataOffset, compressedBytes }: ZipMember,
  fail: (what: string, cause?: unknown) => Error,
): AsyncGenerator<Uint8Array> {
  if (compressedBytes === 0) return;
  const source = createReadStream(path, {
    start: dataOffset,
    end: dataOffset + compressedBytes - 1,
    highWaterMark: PIECE_BYTES,
  });
  const inflate = createInflateRaw({ chunkSize: PIECE_BYTES });
  source.on("error", (error) => inflate.destroy(error));
  source.pipe(inflate);
  try {
    yield* inflate as AsyncIterable<Buffer>;
  } catch (cause) {
    // zlib's own complaints; a disk that fails is no fault of the archive.
    if (!systemCode(cause)?.startsWith("Z_")) throw cause;
    throw fail(`cannot be unpacked (${messageOf(cause)})`, cause);
  } finally {
    source.destroy();
    inflate.destroy();
  }
  // Deflate says where it ends; what follows in the entry is no part of it.
  if (inflate.bytesWritten !== compressedBytes) throw fail("holds something behind its compressed data");
}
