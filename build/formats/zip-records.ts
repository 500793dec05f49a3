/**
 * The records of a zip, written: local headers, central directory, end. APPNOTE
 * 6.3, §4.3.7 to §4.3.16; Zip64 (§4.5.3) exactly where a number needs it. The
 * one date is the first that a zip can express.
 */
import { ErthError } from "../../runtime/base/errors.ts";

export const ZIP_STORED = 0;
export const ZIP_DEFLATED = 8;

export interface ZipEntryFacts {
  /** "/" separated; ends in one for a folder. */
  readonly name: string;
  readonly method: typeof ZIP_STORED | typeof ZIP_DEFLATED;
  readonly crc32: number;
  readonly bytes: number;
  readonly compressedBytes: number;
  /** Unix mode with the file type; undefined writes none, as Windows packages do. */
  readonly mode: number | undefined;
}

const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
const RECORD_SIGNATURE = 0x02014b50;
const RECORD_BYTES = 46;
const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const END64_SIGNATURE = 0x06064b50;
const END64_BYTES = 56;
const LOCATOR64_SIGNATURE = 0x07064b50;
const LOCATOR64_BYTES = 20;

/** §4.4.3: deflate and folders need 2.0, Zip64 needs 4.5. */
const VERSION = 20;
const VERSION_ZIP64 = 45;
/** §4.4.2: which system's attributes the entries carry. */
const MADE_ON_UNIX = 3 << 8;
const MADE_ON_DOS = 0;
/** §4.4.4, bit 11: the name is UTF-8. Names in ASCII do without, as old readers like it. */
const UTF8_FLAG = 1 << 11;
/** 1980-01-01, 00:00. */
const DOS_DATE = (1 << 5) | 1;
const DOS_FOLDER = 0x10;
const ZIP64_EXTRA = 0x0001;
const MAX_16 = 0xffff;
const MAX_32 = 0xffffffff;
const MAX_NAME_BYTES = 0xffff;

/** §4.3.7: what stands before an entry's data. Throws `ZIP_NAME` for a name that no zip can carry. */
export function encodeLocalHeader(entry: ZipEntryFacts): Buffer {
  const name = encodeName(entry.name);
  // Both sizes or none: a local header has no half (§4.5.3).
  const isLarge = entry.bytes >= MAX_32 || entry.compressedBytes >= MAX_32;
  const extra = isLarge ? encodeZip64Extra([entry.bytes, entry.compressedBytes]) : Buffer.alloc(0);
  const header = Buffer.alloc(LOCAL_BYTES);
  header.writeUInt32LE(LOCAL_SIGNATURE, 0);
  header.writeUInt16LE(isLarge ? VERSION_ZIP64 : VERSION, 4);
  header.writeUInt16LE(flagsOf(name), 6);
  header.writeUInt16LE(entry.method, 8);
  header.writeUInt16LE(DOS_DATE, 12);
  header.writeUInt32LE(entry.crc32, 14);
  header.writeUInt32LE(isLarge ? MAX_32 : entry.compressedBytes, 18);
  header.writeUInt32LE(isLarge ? MAX_32 : entry.bytes, 22);
  header.writeUInt16LE(name.length, 26);
  header.writeUInt16LE(extra.length, 28);
  return Buffer.concat([header, name, extra]);
}

/** §4.3.12: an entry in the central directory; `offset` is its local header's. */
export function encodeDirectoryRecord(entry: ZipEntryFacts, offset: number): Buffer {
  const name = encodeName(entry.name);
  const large = [entry.bytes, entry.compressedBytes, offset].filter((value) => value >= MAX_32);
  const extra = large.length > 0 ? encodeZip64Extra(large) : Buffer.alloc(0);
  const version = large.length > 0 ? VERSION_ZIP64 : VERSION;
  const record = Buffer.alloc(RECORD_BYTES);
  record.writeUInt32LE(RECORD_SIGNATURE, 0);
  record.writeUInt16LE((entry.mode === undefined ? MADE_ON_DOS : MADE_ON_UNIX) | version, 4);
  record.writeUInt16LE(version, 6);
  record.writeUInt16LE(flagsOf(name), 8);
  record.writeUInt16LE(entry.method, 10);
  record.writeUInt16LE(DOS_DATE, 14);
  record.writeUInt32LE(entry.crc32, 16);
  record.writeUInt32LE(Math.min(entry.compressedBytes, MAX_32), 20);
  record.writeUInt32LE(Math.min(entry.bytes, MAX_32), 24);
  record.writeUInt16LE(name.length, 28);
  record.writeUInt16LE(extra.length, 30);
  record.writeUInt16LE(entry.name.endsWith("/") ? DOS_FOLDER : 0, 38);
  record.writeUInt16LE(entry.mode ?? 0, 40);
  record.writeUInt32LE(Math.min(offset, MAX_32), 42);
  return Buffer.concat([record, name, extra]);
}

export interface ZipDirectoryPlace {
  readonly offset: number;
  readonly length: number;
  /** Entries. */
  readonly count: number;
}

/** §4.3.14 to §4.3.16: what stands behind the central directory. */
export function encodeZipEnd({ offset, length, count }: ZipDirectoryPlace): Buffer {
  const isLarge = offset >= MAX_32 || length >= MAX_32 || count >= MAX_16;
  const end = Buffer.alloc(END_BYTES);
  end.writeUInt32LE(END_SIGNATURE, 0);
  end.writeUInt16LE(Math.min(count, MAX_16), 8);
  end.writeUInt16LE(Math.min(count, MAX_16), 10);
  end.writeUInt32LE(Math.min(length, MAX_32), 12);
  end.writeUInt32LE(Math.min(offset, MAX_32), 16);
  if (!isLarge) return end;
  const end64 = Buffer.alloc(END64_BYTES);
  end64.writeUInt32LE(END64_SIGNATURE, 0);
  // Of this record, without the signature and this very field.
  end64.writeBigUInt64LE(BigInt(END64_BYTES - 12), 4);
  end64.writeUInt16LE(VERSION_ZIP64, 12);
  end64.writeUInt16LE(VERSION_ZIP64, 14);
  end64.writeBigUInt64LE(BigInt(count), 24);
  end64.writeBigUInt64LE(BigInt(count), 32);
  end64.writeBigUInt64LE(BigInt(length), 40);
  end64.writeBigUInt64LE(BigInt(offset), 48);
  const locator = Buffer.alloc(LOCATOR64_BYTES);
  locator.writeUInt32LE(LOCATOR64_SIGNATURE, 0);
  locator.writeBigUInt64LE(BigInt(offset + length), 8);
  // The number of disks.
  locator.writeUInt32LE(1, 16);
  return Buffer.concat([end64, locator, end]);
}

function encodeZip64Extra(values: readonly number[]): Buffer {
  const extra = Buffer.alloc(4 + 8 * values.length);
  extra.writeUInt16LE(ZIP64_EXTRA, 0);
  extra.writeUInt16LE(8 * values.length, 2);
  for (const [at, value] of values.entries()) extra.writeBigUInt64LE(BigInt(value), 4 + 8 * at);
  return extra;
}

function encodeName(name: string): Buffer {
  const bytes = Buffer.from(name);
  // A backslash separates folders for readers on Windows; half a surrogate pair has no UTF-8.
  if (bytes.length <= MAX_NAME_BYTES && bytes.toString() === name && !/[\0\\]/.test(name)) return bytes;
  throw new ErthError({
    code: "ZIP_NAME",
    message: `a zip cannot carry the file name ${JSON.stringify(name.slice(0, 80))} (${bytes.length} bytes in UTF-8).`,
    remedy: "rename the file, then erth package",
    facts: { name },
  });
}

function flagsOf(name: Buffer): number {
  return name.some((byte) => byte > 0x7f) ? UTF8_FLAG : 0;
}
