/** A zip written from front to back: each entry's facts are known before its data, so that no descriptor follows it. */
import type { Sink } from "./sink.ts";
import { encodeDirectoryRecord, encodeLocalHeader, encodeZipEnd, type ZipEntryFacts } from "./zip-records.ts";

export interface ZipWriter {
  /** Appends an entry and returns the length of its local header. The data is as long as the facts say. */
  add(entry: ZipEntryFacts, data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number>;
  /** Appends the central directory and its end, and flushes. */
  end(): Promise<void>;
}

/** Writes to a sink that is at its beginning. */
export function zipWriter(sink: Sink): ZipWriter {
  const records: Buffer[] = [];
  return {
    async add(entry, data) {
      const { offset } = sink;
      const header = encodeLocalHeader(entry);
      records.push(encodeDirectoryRecord(entry, offset));
      await sink.append(header);
      for await (const chunk of data) await sink.append(chunk);
      const length = sink.offset - offset - header.length;
      if (length !== entry.compressedBytes) {
        throw new Error(`${entry.name} has ${length} bytes of data in the zip, not ${entry.compressedBytes}`);
      }
      return header.length;
    },
    async end() {
      const { offset } = sink;
      for (const record of records) await sink.append(record);
      await sink.append(encodeZipEnd({ offset, length: sink.offset - offset, count: records.length }));
      await sink.flush();
    },
  };
}
