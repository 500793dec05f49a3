/** Adds one file to a finished zip, in place of an older one of that name; every other byte stays as it is. */
import { crc32 } from "node:zlib";
import type { ByteRange } from "./byte-range.ts";
import { appendRange, type Sink } from "./sink.ts";
import type { ZipDirectory } from "./zip-directory.ts";
import { encodeDirectoryRecord, encodeLocalHeader, encodeZipEnd, ZIP_STORED } from "./zip-records.ts";

export interface AddedFile {
  readonly name: string;
  /** Unix mode with the file type. */
  readonly mode: number;
  readonly content: Uint8Array;
}

/** Appends a copy of the zip with this file in it, stored. */
export async function appendWithFile(
  sink: Sink,
  range: ByteRange,
  { records, offset }: ZipDirectory,
  { name, mode, content }: AddedFile,
): Promise<void> {
  await appendRange(sink, range, offset);
  const sizes = { bytes: content.length, compressedBytes: content.length };
  const facts = { name, method: ZIP_STORED, crc32: crc32(content), ...sizes, mode } as const;
  const place = sink.offset;
  await sink.append(encodeLocalHeader(facts));
  await sink.append(content);
  const kept = records.filter((record) => record.name !== name).map(({ raw }) => raw);
  const directory = [...kept, encodeDirectoryRecord(facts, place)];
  const start = sink.offset;
  for (const record of directory) await sink.append(record);
  await sink.append(encodeZipEnd({ offset: start, length: sink.offset - start, count: directory.length }));
  await sink.flush();
}
