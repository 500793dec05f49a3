/**
 * An entry's data out of an untrusted zip, streamed. What the central directory
 * says is believed in nothing: the local header has to agree, the data to stay
 * inside the file, and to unpack to exactly the length and checksum promised.
 */
import { crc32, createInflateRaw } from "node:zlib";
import type { ErthError } from "../../runtime/base/errors.ts";
import { boundedView } from "./bounded-view.ts";
import type { ByteRange } from "./byte-range.ts";
import { unpacked } from "./unpacked.ts";
import { zipDamaged, type ZipRecord } from "./zip-directory.ts";
import { ZIP_DEFLATED, ZIP_STORED } from "./zip-records.ts";

const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
const CHUNK_BYTES = 1 << 20;

export interface ZipDataPlace {
  readonly offset: number;
  readonly localHeaderBytes: number;
}

/** Where an entry's data lies. Throws `ZIP_DAMAGED` where its local header is another's. */
export async function zipDataPlace(range: ByteRange, record: ZipRecord): Promise<ZipDataPlace> {
  const { name, offset, compressedBytes } = record;
  const what = `the local header of ${JSON.stringify(name)}`;
  if (offset + LOCAL_BYTES > range.size) throw zipDamaged(`${what} lies outside it`);
  const view = boundedView(await range.read(offset, LOCAL_BYTES), "little", zipDamaged);
  if (view.u32(0, what) !== LOCAL_SIGNATURE) throw zipDamaged(`${what} is missing`);
  const lengths = view.u32(26, what);
  const nameBytes = lengths & 0xffff;
  const localHeaderBytes = LOCAL_BYTES + nameBytes + (lengths >>> 16);
  if (offset + localHeaderBytes + compressedBytes > range.size) throw zipDamaged(`the data of ${name} lies outside it`);
  const local = Buffer.from(await range.read(offset + LOCAL_BYTES, nameBytes)).toString("utf8");
  if (local !== name) throw zipDamaged(`${what} says ${JSON.stringify(local)}`);
  return { offset: offset + localHeaderBytes, localHeaderBytes };
}

/** What a reader of zips has found out about an entry. */
export interface ZipData {
  readonly name: string;
  readonly method: number;
  readonly compressedBytes: number;
  readonly bytes: number;
  readonly crc32: number;
  /** Where its data begins. */
  readonly dataOffset: number;
}

/** The unpacked data of an entry, never more than it promises. Throws `ZIP_DAMAGED`, at the latest behind the last byte. */
export async function* readZipData(range: ByteRange, record: ZipRecord): AsyncGenerator<Uint8Array> {
  const { offset } = await zipDataPlace(range, record);
  yield* readZipDataAt(range, { ...record, dataOffset: offset });
}

/** The same where its place is known, and to lie inside the file. */
export async function* readZipDataAt(range: ByteRange, data: ZipData): AsyncGenerator<Uint8Array> {
  const { bytes } = data;
  const fail = (what: string, cause?: unknown) => zipDamaged(`${JSON.stringify(data.name)} ${what}`, cause);
  if (data.method !== ZIP_STORED && data.method !== ZIP_DEFLATED) throw fail(`is compressed by method ${data.method}`);
  let [length, checksum] = [0, 0];
  for await (const chunk of data.method === ZIP_STORED ? chunksOf(range, data) : inflated(range, data, fail)) {
    length += chunk.length;
    if (length > bytes) throw fail(`holds more than the ${bytes} bytes that it promises`);
    checksum = crc32(chunk, checksum);
    yield chunk;
  }
  if (length !== bytes) throw fail(`holds ${length} of ${bytes} bytes`);
  if (checksum !== data.crc32) throw fail("differs from its checksum");
}

async function* inflated(
  range: ByteRange,
  data: ZipData,
  fail: (what: string, cause?: unknown) => ErthError,
): AsyncGenerator<Uint8Array> {
  // Some writers mark an empty file as deflated, and give it no data.
  if (data.compressedBytes === 0) return;
  const inflate = createInflateRaw({ chunkSize: 1 << 18 });
  yield* unpacked(chunksOf(range, data), inflate, fail);
  // Deflate says where it ends; what follows in the entry is no part of it.
  if (inflate.bytesWritten !== data.compressedBytes) throw fail("holds something behind its compressed data");
}

async function* chunksOf(range: ByteRange, { dataOffset, compressedBytes }: ZipData): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < compressedBytes; at += CHUNK_BYTES) {
    yield await range.read(dataOffset + at, Math.min(CHUNK_BYTES, compressedBytes - at));
  }
}
