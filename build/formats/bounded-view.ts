/** Reads numbers out of untrusted bytes: no read leaves them, and each failure says what was wanted. */
import type { ErthError } from "../../runtime/base/errors.ts";

export interface BoundedView {
  readonly length: number;
  u8(at: number, what: string): number;
  u16(at: number, what: string): number;
  u32(at: number, what: string): number;
  /** Refuses values that are no safe integer. */
  u64(at: number, what: string): number;
  /** A view of the same memory, not a copy. */
  bytes(at: number, length: number, what: string): Uint8Array;
  /** UTF-8 up to a zero byte, which must come. */
  cString(at: number, what: string): string;
}

/** A view of `bytes` in one byte order; `fail` makes the error from a sentence without its end. */
export function boundedView(
  bytes: Uint8Array,
  order: "big" | "little",
  fail: (what: string) => ErthError,
): BoundedView {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isLittle = order === "little";
  const need = (at: number, length: number, what: string): void => {
    if (!Number.isSafeInteger(at) || at < 0 || length < 0 || length > bytes.length - at) {
      throw fail(`${what} lies outside it (${length} bytes at ${at} of ${bytes.length})`);
    }
  };
  return {
    length: bytes.length,
    u8(at, what) {
      need(at, 1, what);
      return view.getUint8(at);
    },
    u16(at, what) {
      need(at, 2, what);
      return view.getUint16(at, isLittle);
    },
    u32(at, what) {
      need(at, 4, what);
      return view.getUint32(at, isLittle);
    },
    u64(at, what) {
      need(at, 8, what);
      const value = view.getBigUint64(at, isLittle);
      if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw fail(`${what} is ${value}, which no file can have`);
      return Number(value);
    },
    bytes(at, length, what) {
      need(at, length, what);
      return bytes.subarray(at, at + length);
    },
    cString(at, what) {
      need(at, 1, what);
      const end = bytes.indexOf(0, at);
      if (end < 0) throw fail(`${what} has no end`);
      const text = Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString("utf8");
      if (text.includes("\u{fffd}")) throw fail(`${what} is not UTF-8`);
      return text;
    },
  };
}

/** The next multiple of a power of two. */
export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}
