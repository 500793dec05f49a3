/** The central directory of a `.zip`: what is in it and at what size. APPNOTE 6.3, 4.3.12 and 4.3.16; no Zip64. */
import { open } from "node:fs/promises";
import { ErthError } from "../../runtime/base/errors.ts";

export interface ZipRecord {
  /** "/" separated; ends in one for a folder. */
  readonly name: string;
  readonly compressedBytes: number;
  readonly bytes: number;
  /** Unix mode with the file type, 0 where none was recorded. */
  readonly mode: number;
  readonly crc32: number;
}

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const RECORD_SIGNATURE = 0x02014b50;
const RECORD_BYTES = 46;
const MAX_COMMENT_BYTES = 0xffff;
const ZIP64_MARK = 0xffffffff;
const MAX_DIRECTORY_BYTES = 64 << 20;

/** Reads the directory of a file. Throws `ZIP_DAMAGED`. */
export async function readZipDirectory(path: string): Promise<readonly ZipRecord[]> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const tail = Buffer.alloc(Math.min(size, END_BYTES + MAX_COMMENT_BYTES));
    await file.read(tail, 0, tail.length, size - tail.length);
    const { offset, length, count } = findEnd(tail, size);
    const directory = Buffer.alloc(length);
    await file.read(directory, 0, length, offset);
    return parseZipDirectory(directory, count);
  } finally {
    await file.close();
  }
}

interface DirectoryPlace {
  readonly offset: number;
  readonly length: number;
  readonly count: number;
}

function findEnd(tail: Buffer, fileBytes: number): DirectoryPlace {
  for (let at = tail.length - END_BYTES; at >= 0; at -= 1) {
    if (tail.readUInt32LE(at) !== END_SIGNATURE || at + END_BYTES + tail.readUInt16LE(at + 20) !== tail.length)
      continue;
    const place = {
      count: tail.readUInt16LE(at + 10),
      length: tail.readUInt32LE(at + 12),
      offset: tail.readUInt32LE(at + 16),
    };
    if (place.offset === ZIP64_MARK) throw damaged("it needs Zip64");
    if (place.length > MAX_DIRECTORY_BYTES || place.offset + place.length > fileBytes)
      throw damaged("its directory lies outside it");
    return place;
  }
  throw damaged("it has no end record");
}

/** Parses `count` records. Throws `ZIP_DAMAGED` where there are fewer, or more. */
export function parseZipDirectory(directory: Buffer, count: number): readonly ZipRecord[] {
  const records: ZipRecord[] = [];
  let at = 0;
  while (at < directory.length) {
    if (at + RECORD_BYTES > directory.length || directory.readUInt32LE(at) !== RECORD_SIGNATURE) {
      throw damaged(`record ${records.length} of its directory is wrong`);
    }
    const nameBytes = directory.readUInt16LE(at + 28);
    const end = at + RECORD_BYTES + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
    if (end > directory.length) throw damaged(`record ${records.length} of its directory is cut off`);
    records.push({
      name: directory.toString("utf8", at + RECORD_BYTES, at + RECORD_BYTES + nameBytes),
      compressedBytes: directory.readUInt32LE(at + 20),
      bytes: directory.readUInt32LE(at + 24),
      mode: directory.readUInt16LE(at + 40),
      crc32: directory.readUInt32LE(at + 16),
    });
    at = end;
  }
  if (records.length !== count) throw damaged(`its directory has ${records.length} records of ${count}`);
  return records;
}

function damaged(what: string): ErthError {
  return new ErthError({
    code: "ZIP_DAMAGED",
    message: `the zip is damaged: ${what}.`,
    remedy: "make it again: erth package",
  });
}
