/** The central directory of a `.zip`: what is in it, where and at what size. APPNOTE 6.3, 4.3.12 to 4.3.16. */
import { ErthError } from "../../runtime/base/errors.ts";
import { boundedView } from "./bounded-view.ts";
import { type ByteRange, withFileRange } from "./byte-range.ts";

export interface ZipRecord {
  /** "/" separated; ends in one for a folder. */
  readonly name: string;
  /** 0 stored, 8 deflated. */
  readonly method: number;
  readonly compressedBytes: number;
  readonly bytes: number;
  /** Unix mode with the file type, 0 where none was recorded. */
  readonly mode: number;
  readonly crc32: number;
  /** Of its local header. */
  readonly offset: number;
  /** The record itself, whole. */
  readonly raw: Uint8Array;
}

export interface ZipDirectory {
  readonly records: readonly ZipRecord[];
  /** Where the central directory begins. */
  readonly offset: number;
  /** Where it ends, and the end records begin. */
  readonly end: number;
}

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const END64_SIGNATURE = 0x06064b50;
const END64_BYTES = 56;
const LOCATOR64_SIGNATURE = 0x07064b50;
const LOCATOR64_BYTES = 20;
const RECORD_SIGNATURE = 0x02014b50;
const RECORD_BYTES = 46;
const MAX_COMMENT_BYTES = 0xffff;
const ZIP64_EXTRA = 0x0001;
const ZIP64_MARK_16 = 0xffff;
const ZIP64_MARK_32 = 0xffffffff;
const MAX_DIRECTORY_BYTES = 64 << 20;

/** Reads the directory of a file. Throws `ZIP_DAMAGED`. */
export async function readZipDirectory(path: string): Promise<readonly ZipRecord[]> {
  return await withFileRange(path, async (range) => (await readZip(range)).records);
}

/** Reads the directory of a zip that is the whole range. Throws `ZIP_DAMAGED`. */
export async function readZip(range: ByteRange): Promise<ZipDirectory> {
  const { offset, length, count } = await findDirectory(range);
  if (length > MAX_DIRECTORY_BYTES || offset + length > range.size) throw zipDamaged("its directory lies outside it");
  const records = parseZipDirectory(Buffer.from(await range.read(offset, length)), count);
  return { records, offset, end: offset + length };
}

interface DirectoryPlace {
  readonly offset: number;
  readonly length: number;
  readonly count: number;
}

async function findDirectory(range: ByteRange): Promise<DirectoryPlace> {
  const tailBytes = Math.min(range.size, END_BYTES + MAX_COMMENT_BYTES + LOCATOR64_BYTES);
  const tail = Buffer.from(await range.read(range.size - tailBytes, tailBytes));
  for (let at = tail.length - END_BYTES; at >= 0; at -= 1) {
    if (tail.readUInt32LE(at) !== END_SIGNATURE || at + END_BYTES + tail.readUInt16LE(at + 20) !== tail.length)
      continue;
    const place = {
      count: tail.readUInt16LE(at + 10),
      length: tail.readUInt32LE(at + 12),
      offset: tail.readUInt32LE(at + 16),
    };
    const isZip64 = place.offset === ZIP64_MARK_32 || place.length === ZIP64_MARK_32 || place.count === ZIP64_MARK_16;
    const hasLocator = at >= LOCATOR64_BYTES && tail.readUInt32LE(at - LOCATOR64_BYTES) === LOCATOR64_SIGNATURE;
    if (!isZip64 || !hasLocator) return place;
    return await readEnd64(range, tail.readBigUInt64LE(at - LOCATOR64_BYTES + 8));
  }
  throw zipDamaged("it has no end record");
}

async function readEnd64(range: ByteRange, offset: bigint): Promise<DirectoryPlace> {
  if (offset > BigInt(range.size - END64_BYTES)) throw zipDamaged("its Zip64 end record lies outside it");
  const view = boundedView(await range.read(Number(offset), END64_BYTES), "little", zipDamaged);
  if (view.u32(0, "its Zip64 end record") !== END64_SIGNATURE) throw zipDamaged("it has no Zip64 end record");
  return {
    count: view.u64(32, "its number of entries"),
    length: view.u64(40, "its directory's length"),
    offset: view.u64(48, "its directory's place"),
  };
}

/** Parses `count` records. Throws `ZIP_DAMAGED` where there are fewer, or more. */
export function parseZipDirectory(directory: Buffer, count: number): readonly ZipRecord[] {
  const records: ZipRecord[] = [];
  let at = 0;
  while (at < directory.length) {
    if (at + RECORD_BYTES > directory.length || directory.readUInt32LE(at) !== RECORD_SIGNATURE) {
      throw zipDamaged(`record ${records.length} of its directory is wrong`);
    }
    const nameEnd = at + RECORD_BYTES + directory.readUInt16LE(at + 28);
    const extraEnd = nameEnd + directory.readUInt16LE(at + 30);
    const end = extraEnd + directory.readUInt16LE(at + 32);
    if (end > directory.length) throw zipDamaged(`record ${records.length} of its directory is cut off`);
    const large = largeValues(directory.subarray(nameEnd, extraEnd));
    // In the extra field's own order, and there only where the mark stands here.
    const sized = (value: number): number => (value === ZIP64_MARK_32 ? (large.shift() ?? value) : value);
    const bytes = sized(directory.readUInt32LE(at + 24));
    const compressedBytes = sized(directory.readUInt32LE(at + 20));
    records.push({
      name: directory.toString("utf8", at + RECORD_BYTES, nameEnd),
      method: directory.readUInt16LE(at + 10),
      compressedBytes,
      bytes,
      mode: directory.readUInt16LE(at + 40),
      crc32: directory.readUInt32LE(at + 16),
      offset: sized(directory.readUInt32LE(at + 42)),
      raw: directory.subarray(at, end),
    });
    at = end;
  }
  if (records.length !== count) throw zipDamaged(`its directory has ${records.length} records of ${count}`);
  return records;
}

/** The numbers of a Zip64 extra field, §4.5.3. */
function largeValues(extra: Buffer): number[] {
  const view = boundedView(extra, "little", zipDamaged);
  for (let at = 0; at + 4 <= extra.length;) {
    const length = extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === ZIP64_EXTRA) {
      const count = Math.floor(length / 8);
      return Array.from({ length: count }, (_, index) => view.u64(at + 4 + 8 * index, "a Zip64 number"));
    }
    at += 4 + length;
  }
  return [];
}

export function zipDamaged(what: string, cause?: unknown): ErthError {
  return new ErthError({
    code: "ZIP_DAMAGED",
    message: `the zip is damaged: ${what}.`,
    remedy: "make it again: erth package",
    cause,
  });
}
