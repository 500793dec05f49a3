/** Random access to the bytes of a file, or of a part of one, without holding it. */
import { type FileHandle, open } from "node:fs/promises";
import { ErthError } from "../../runtime/base/errors.ts";

export interface ByteRange {
  readonly size: number;
  /** Exactly `length` bytes, in `into` where it is given; `FILE_CHANGED` where the file has become shorter. */
  read(offset: number, length: number, into?: Uint8Array): Promise<Uint8Array>;
}

/** Opens a file for the time of a task. */
export async function withFileRange<Result>(
  path: string,
  task: (range: ByteRange) => Promise<Result>,
): Promise<Result> {
  const handle = await open(path, "r");
  try {
    return await task(await rangeOfHandle(path, handle));
  } finally {
    await handle.close();
  }
}

/** An open file as a range; `path` is for messages. */
export async function rangeOfHandle(path: string, handle: FileHandle): Promise<ByteRange> {
  const { size } = await handle.stat();
  return {
    size,
    async read(offset, length, into) {
      requireInside(offset, length, size);
      const buffer = into === undefined ? new Uint8Array(length) : into.subarray(0, length);
      for (let done = 0; done < length;) {
        const { bytesRead } = await handle.read(buffer, done, length - done, offset + done);
        if (bytesRead === 0) throw fileChanged(path);
        done += bytesRead;
      }
      return buffer;
    },
  };
}

/** The part of a range that begins at `offset`, numbered from 0. */
export function subRange(range: ByteRange, offset: number, size: number): ByteRange {
  requireInside(offset, size, range.size);
  return {
    size,
    read(at, length, into) {
      requireInside(at, length, size);
      return range.read(offset + at, length, into);
    },
  };
}

/** Bytes in memory as a range. */
export function rangeOfBytes(bytes: Uint8Array): ByteRange {
  return {
    size: bytes.length,
    async read(offset, length, into) {
      requireInside(offset, length, bytes.length);
      const part = bytes.subarray(offset, offset + length);
      if (into === undefined) return part;
      into.set(part);
      return into.subarray(0, length);
    },
  };
}

/** A file that was written to while it was read. */
export function fileChanged(path: string): ErthError {
  return new ErthError({
    code: "FILE_CHANGED",
    message: `${path} changed while it was read.`,
    remedy: "stop what writes to it, then run the command again",
  });
}

/** Callers check against `size` first, with their own error; getting here is a bug. */
function requireInside(offset: number, length: number, size: number): void {
  if (offset < 0 || length < 0 || offset + length > size) {
    throw new RangeError(`${length} bytes at ${offset} of ${size}`);
  }
}
