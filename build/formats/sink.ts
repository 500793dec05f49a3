/** Where a container is written to, from front to back: small writes are gathered into large ones. */
import type { FileHandle } from "node:fs/promises";
import type { ByteRange } from "./byte-range.ts";

export interface Sink {
  /** Bytes appended so far: where the next one comes to lie. */
  readonly offset: number;
  /** Takes the bytes; they may be changed afterwards. */
  append(bytes: Uint8Array): Promise<void>;
  /** Hands everything to the file; call it after the last byte. */
  flush(): Promise<void>;
}

const GATHER_BYTES = 1 << 20;

/** Appends the first `length` bytes of a range. */
export async function appendRange(sink: Sink, range: ByteRange, length: number, signal?: AbortSignal): Promise<void> {
  for (let at = 0; at < length; at += GATHER_BYTES) {
    signal?.throwIfAborted();
    await sink.append(await range.read(at, Math.min(GATHER_BYTES, length - at)));
  }
}

/** Appends to a file that is at its end. */
export function fileSink(file: FileHandle): Sink {
  const gathered = Buffer.allocUnsafe(GATHER_BYTES);
  let filled = 0;
  let offset = 0;
  const flush = async (): Promise<void> => {
    // Writes all of it; FileHandle.write may not.
    if (filled > 0) await file.writeFile(gathered.subarray(0, filled));
    filled = 0;
  };
  return {
    get offset() {
      return offset;
    },
    async append(bytes) {
      offset += bytes.length;
      if (filled + bytes.length > GATHER_BYTES) await flush();
      if (bytes.length >= GATHER_BYTES) await file.writeFile(bytes);
      else {
        gathered.set(bytes, filled);
        filled += bytes.length;
      }
    },
    flush,
  };
}
