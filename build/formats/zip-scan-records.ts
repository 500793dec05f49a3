/** The records of a `.zip` for one who trusts none of them: end records, central directory, local headers, descriptors. APPNOTE 6.3.10, 4.3. */
import { ErthError } from "../../runtime/base/errors.ts";
import { type BoundedView, boundedView } from "./bounded-view.ts";
import type { ByteRange } from "./byte-range.ts";

/** An entry of the central directory (4.3.12). */
export interface ZipEntryRecord {
  readonly name: string;
  readonly nameBytes: Uint8Array;
  readonly flags: number;
  readonly method: number;
  readonly crc32: number;
  readonly compressedBytes: number;
  readonly bytes: number;
  /** Unix mode with the file type; 0 where none was recorded. */
  readonly mode: number;
  /** Of its local header. */
  readonly offset: number;
}

export interface ZipRecords {
  readonly records: readonly ZipEntryRecord[];
  readonly directoryOffset: number;
  /** Bytes that belong to no record. */
  readonly hidden: readonly { readonly what: string; readonly bytes: number }[];
}

const END = { magic: 0x06054b50, bytes: 22 };
const END_64 = { magic: 0x06064b50, bytes: 56 };
const LOCATOR_64 = { magic: 0x07064b50, bytes: 20 };
const RECORD = { magic: 0x02014b50, bytes: 46 };
const LOCAL = { magic: 0x04034b50, bytes: 30 };
const DESCRIPTOR_MAGIC = 0x08074b50;
const EXTRA_64 = 0x0001;
const MAX_16 = 0xffff;
const MAX_32 = 0xffffffff;
const MAX_DIRECTORY_BYTES = 64 << 20;
const HOST_UNIX = 3;
const HOST_MACOS = 19;
const FLAG_DESCRIPTOR = 8;

/** The central directory. Throws `ZIP_DAMAGED`, and `ZIP_LIMIT` for more than `maxEntries`. */
export async function readZipRecords(range: ByteRange, maxEntries: number): Promise<ZipRecords> {
  const { endOffset, count, length, offset, commentBytes, recordsEnd } = await readEnd(range);
  if (count > maxEntries) throw zipLimit(`it has ${count} entries, and ${maxEntries} are allowed`);
  if (length > MAX_DIRECTORY_BYTES || offset + length > recordsEnd) throw zipDamaged("its directory lies outside it");
  const directory = await range.read(offset, length);
  const view = boundedView(directory, "little", zipDamaged);
  const records: ZipEntryRecord[] = [];
  let at = 0;
  for (let index = 0; index < count; index += 1) {
    const what = `record ${index} of its directory`;
    if (view.u32(at, what) !== RECORD.magic) throw zipDamaged(`${what} has another magic`);
    const nameBytes = view.bytes(at + RECORD.bytes, u16(view, at + 28, what), what);
    const extra = view.bytes(at + RECORD.bytes + nameBytes.length, u16(view, at + 30, what), what);
    const host = view.u8(at + 5, what);
    const attributes = view.u32(at + 38, what);
    const sizes = widened(
      { bytes: view.u32(at + 24, what), compressed: view.u32(at + 20, what), offset: view.u32(at + 42, what) },
      extra,
      what,
    );
    records.push({
      name: Buffer.from(nameBytes).toString("utf8"),
      nameBytes,
      flags: u16(view, at + 8, what),
      method: u16(view, at + 10, what),
      crc32: view.u32(at + 16, what),
      compressedBytes: sizes.compressed,
      bytes: sizes.bytes,
      mode: host === HOST_UNIX || host === HOST_MACOS ? attributes >>> 16 : 0,
      offset: sizes.offset,
    });
    at += RECORD.bytes + nameBytes.length + extra.length + u16(view, at + 32, what);
  }
  const hidden = [
    { what: "follow the last record of the directory", bytes: length - at },
    { what: "lie between the directory and its end record", bytes: recordsEnd - offset - length },
    { what: "follow the end record as a comment", bytes: commentBytes },
    { what: "follow the archive", bytes: range.size - endOffset - END.bytes - commentBytes },
  ].filter(({ bytes }) => bytes !== 0);
  return { records, directoryOffset: offset, hidden };
}

export type LocalHeader =
  | { readonly fault: string }
  | { readonly dataOffset: number; readonly faults: readonly string[] };

/** 4.3.7: what the local header says differently. */
export async function readLocalHeader(
  range: ByteRange,
  record: ZipEntryRecord,
  directoryOffset: number,
): Promise<LocalHeader> {
  if (record.offset + LOCAL.bytes > directoryOffset) return { fault: "its local header lies outside the archive" };
  const view = boundedView(await range.read(record.offset, LOCAL.bytes), "little", zipDamaged);
  const what = "its local header";
  if (view.u32(0, what) !== LOCAL.magic) return { fault: "it has no local header" };
  const [nameLength, extraLength] = [u16(view, 26, what), u16(view, 28, what)];
  const dataOffset = record.offset + LOCAL.bytes + nameLength + extraLength;
  if (dataOffset > directoryOffset) return { fault: "its local header is cut off" };
  const rest = await range.read(record.offset + LOCAL.bytes, nameLength + extraLength);
  const faults: string[] = [];
  const compare = (field: string, here: number, there: number): void => {
    if (here !== there) faults.push(`its local header has ${field} ${here}, the directory ${there}`);
  };
  if (Buffer.compare(rest.subarray(0, nameLength), record.nameBytes) !== 0) {
    const name = Buffer.from(rest.subarray(0, nameLength)).toString("utf8");
    faults.push(`its local header names ${JSON.stringify(name.slice(0, 200))}`);
  }
  compare("method", u16(view, 8, what), record.method);
  compare("flags", u16(view, 6, what), record.flags);
  // Bit 3: sizes and checksum were not known yet, and are zero here.
  if ((record.flags & FLAG_DESCRIPTOR) !== 0) return { dataOffset, faults };
  compare("CRC-32", view.u32(14, what), record.crc32);
  const stored = { bytes: view.u32(22, what), compressed: view.u32(18, what), offset: 0 };
  const sizes = widened(stored, rest.subarray(nameLength), what);
  compare("size", sizes.bytes, record.bytes);
  compare("compressed size", sizes.compressed, record.compressedBytes);
  return { dataOffset, faults };
}

/** 4.3.9: the length of the descriptor at `at`; undefined where none of its forms agrees with the directory. */
export async function descriptorBytes(
  range: ByteRange,
  { crc32, compressedBytes, bytes }: ZipEntryRecord,
  at: number,
  directoryOffset: number,
): Promise<number | undefined> {
  const found = Buffer.from(await range.read(at, Math.min(24, directoryOffset - at)));
  for (const hasMagic of [true, false]) {
    for (const isWide of [false, true]) {
      const length = (hasMagic ? 4 : 0) + 4 + (isWide ? 16 : 8);
      if (found.length < length) continue;
      const start = hasMagic ? 4 : 0;
      if (hasMagic && found.readUInt32LE(0) !== DESCRIPTOR_MAGIC) continue;
      const size = (offset: number): bigint =>
        isWide ? found.readBigUInt64LE(start + offset) : BigInt(found.readUInt32LE(start + offset));
      const isSame =
        found.readUInt32LE(start) === crc32 &&
        size(4) === BigInt(compressedBytes) &&
        size(isWide ? 12 : 8) === BigInt(bytes);
      if (isSame) return length;
    }
  }
  return undefined;
}

/** 4.3.16: from the end backwards; the first one whose comment reaches the file's end. */
async function readEnd(range: ByteRange) {
  const tailBytes = Math.min(range.size, END.bytes + MAX_16);
  const tail = Buffer.from(await range.read(range.size - tailBytes, tailBytes));
  for (let at = tail.length - END.bytes; at >= 0; at -= 1) {
    if (tail.readUInt32LE(at) !== END.magic || at + END.bytes + tail.readUInt16LE(at + 20) > tail.length) continue;
    const endOffset = range.size - tailBytes + at;
    const commentBytes = tail.readUInt16LE(at + 20);
    if (tail.readUInt32LE(at + 4) !== 0) throw zipDamaged("it is one of several disks");
    const [here, count] = [tail.readUInt16LE(at + 8), tail.readUInt16LE(at + 10)];
    const [length, offset] = [tail.readUInt32LE(at + 12), tail.readUInt32LE(at + 16)];
    const isWide = count === MAX_16 || length === MAX_32 || offset === MAX_32;
    const wide = isWide ? await readEnd64(range, endOffset) : undefined;
    if (wide !== undefined) return { ...wide, endOffset, commentBytes };
    if (here !== count) throw zipDamaged(`it has ${here} entries here, ${count} in all`);
    return { count, length, offset, endOffset, commentBytes, recordsEnd: endOffset };
  }
  throw zipDamaged("it has no end record");
}

/** 4.3.14 and 4.3.15; undefined where there is no Zip64 record: the numbers then are what they are. */
async function readEnd64(range: ByteRange, endOffset: number) {
  if (endOffset < LOCATOR_64.bytes + END_64.bytes) return undefined;
  const locator = Buffer.from(await range.read(endOffset - LOCATOR_64.bytes, LOCATOR_64.bytes));
  if (locator.readUInt32LE(0) !== LOCATOR_64.magic) return undefined;
  const place = Number(locator.readBigUInt64LE(8));
  if (place + END_64.bytes > endOffset - LOCATOR_64.bytes) throw zipDamaged("its Zip64 record lies outside it");
  const view = boundedView(await range.read(place, END_64.bytes), "little", zipDamaged);
  if (view.u32(0, "its Zip64 record") !== END_64.magic) throw zipDamaged("it has no Zip64 record where it says");
  const field = (at: number): number => view.u64(at, "its Zip64 record");
  if (field(4) + 12 !== endOffset - LOCATOR_64.bytes - place) throw zipDamaged("its Zip64 record has another length");
  return { count: field(32), length: field(40), offset: field(48), recordsEnd: place };
}

/** 4.5.3: numbers that are all ones stand in the extra field, in this order. */
function widened(
  sizes: { readonly bytes: number; readonly compressed: number; readonly offset: number },
  extra: Uint8Array,
  what: string,
): typeof sizes {
  if (Object.values(sizes).every((value) => value !== MAX_32)) return sizes;
  const view = boundedView(extra, "little", zipDamaged);
  for (let at = 0; at + 4 <= extra.length; at += 4 + u16(view, at + 2, what)) {
    if (u16(view, at, what) !== EXTRA_64) continue;
    let next = at + 4;
    const take = (value: number): number => {
      if (value !== MAX_32) return value;
      next += 8;
      return view.u64(next - 8, `the Zip64 sizes of ${what}`);
    };
    return { bytes: take(sizes.bytes), compressed: take(sizes.compressed), offset: take(sizes.offset) };
  }
  return sizes;
}

function u16(view: BoundedView, at: number, what: string): number {
  return view.u8(at, what) | (view.u8(at + 1, what) << 8);
}

function zipDamaged(what: string, cause?: unknown): ErthError {
  return new ErthError({
    code: "ZIP_DAMAGED",
    message: `The zip is damaged: ${what}.`,
    remedy: "make it again, or download it again: erth package",
    cause,
  });
}

export function zipLimit(what: string): ErthError {
  return new ErthError({
    code: "ZIP_LIMIT",
    message: `The zip was not unpacked: ${what}.`,
    remedy: "look where it comes from; erth makes no such archive",
  });
}
