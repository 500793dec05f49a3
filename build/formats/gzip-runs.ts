/**
 * One gzip member (RFC 1952) of deflate runs. One, because Installer takes no
 * second member: what has changed is compressed again, the rest is put beside it.
 */
import { crc32 } from "node:zlib";
import { DEFLATE_END, type DeflateRun } from "./deflate-run.ts";
import type { Sink } from "./sink.ts";

/** No name, no date; made on Unix. */
const HEADER = Uint8Array.of(0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0x03);

export interface GzipWriter {
  /** Counts raw bytes in the order in which their runs will come. */
  count(raw: Uint8Array): void;
  /** Appends the compressed form of bytes that were counted. */
  add(run: DeflateRun): Promise<void>;
  /** Appends the end. */
  end(): Promise<void>;
}

/** Begins a member. */
export async function gzipWriter(sink: Sink): Promise<GzipWriter> {
  let checksum = 0;
  let length = 0;
  await sink.append(HEADER);
  return {
    count(raw) {
      checksum = crc32(raw, checksum);
      length += raw.length;
    },
    async add(run) {
      for await (const chunk of run.read()) await sink.append(chunk);
    },
    async end() {
      const trailer = Buffer.alloc(8);
      trailer.writeUInt32LE(checksum, 0);
      // Of the length only the lower half counts (§2.3.1).
      trailer.writeUInt32LE(length % 2 ** 32, 4);
      await sink.append(Buffer.concat([DEFLATE_END, trailer]));
      await sink.flush();
    },
  };
}
