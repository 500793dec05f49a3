/**
 * Branch filters: before compression, the relative target of a call becomes
 * an absolute one, so that calls of one function from many places look alike.
 * The idea is that of the BCJ filters of xz; the transforms are our own, and
 * `build/stub/bcj.go` holds their inverse.
 *
 * `bcj-x86`: the operand of `E8`/`E9` (call, jump), and the displacement of
 * `REX.W mov/lea/cmp/add` relative to RIP, where it fits 27 bits signed; the
 * sum is taken modulo 2^27, so the result fits too and the inverse sees the
 * same instructions. `bcj-arm64`: the 26 bits of `BL`, in words, and the 21
 * bits of `ADRP`, in pages. Positions count from the frame's start.
 */

export type BcjFilter = "bcj-x86" | "bcj-arm64";
export type BcjDirection = "encode" | "decode";

/** One frame's filter. Chunks may be of any size: what cannot be decided yet is kept back. */
export interface BcjCoder {
  /** Takes the next bytes; returns as many as are done. The result is a new buffer. */
  push(chunk: Uint8Array): Buffer;
  /** The last bytes. */
  end(): Buffer;
}

/** The longest x86 pattern: REX, opcode, ModRM, displacement. */
const X86_LOOKAHEAD = 7;
/** Opcodes whose ModRM may address relative to RIP: add, cmp, cmp, mov, mov, lea. */
const X86_OPCODES = new Set([0x03, 0x39, 0x3b, 0x89, 0x8b, 0x8d]);

/** A filter for one frame, from its first byte on. */
export function bcjCoder(filter: BcjFilter, direction: BcjDirection): BcjCoder {
  const sign = direction === "encode" ? 1 : -1;
  const convert = filter === "bcj-x86" ? convertX86 : convertArm64;
  let kept: Buffer = Buffer.alloc(0);
  let position = 0;
  const step = (bytes: Buffer, isLast: boolean): Buffer => {
    const done = convert(bytes, position, sign, isLast);
    position += done;
    kept = Buffer.from(bytes.subarray(done));
    return bytes.subarray(0, done);
  };
  return {
    push: (chunk) => step(Buffer.concat([kept, chunk]), false),
    end: () => step(kept, true),
  };
}

type Convert = (bytes: Buffer, position: number, sign: 1 | -1, isLast: boolean) => number;

const convertX86: Convert = (bytes, position, sign, isLast) => {
  const size = bytes.length;
  let at = 0;
  while (at < size) {
    if (!isLast && at + X86_LOOKAHEAD > size) return at;
    const first = bytes[at] ?? 0;
    if ((first & 0xfe) === 0xe8 && at + 5 <= size) {
      convertOperand(bytes, at + 1, position + at + 5, sign);
      at += 5;
    } else if ((first & 0xf8) === 0x48 && at + 7 <= size && isRipRelative(bytes, at + 1)) {
      convertOperand(bytes, at + 3, position + at + 7, sign);
      at += 7;
    } else {
      at += 1;
    }
  }
  return size;
};

function isRipRelative(bytes: Buffer, opcodeAt: number): boolean {
  return ((bytes[opcodeAt + 1] ?? 0) & 0xc7) === 5 && X86_OPCODES.has(bytes[opcodeAt] ?? 0);
}

function convertOperand(bytes: Buffer, at: number, next: number, sign: 1 | -1): void {
  const value = bytes.readInt32LE(at);
  if ((value << 5) >> 5 === value) bytes.writeInt32LE(((value + sign * next) << 5) >> 5, at);
}

const convertArm64: Convert = (bytes, position, sign, isLast) => {
  let at = 0;
  for (; at + 4 <= bytes.length; at += 4) {
    const word = bytes.readUInt32LE(at);
    const here = position + at;
    if (word >>> 26 === 0x25) {
      bytes.writeUInt32LE(((0x25 << 26) | ((word + sign * (here >>> 2)) & 0x3ffffff)) >>> 0, at);
    } else if ((word & 0x9f000000) >>> 0 === 0x90000000) {
      const page = (((word >>> 29) & 3) | ((word >>> 3) & 0x1ffffc)) + sign * (here >>> 12);
      bytes.writeUInt32LE(((word & 0x9f00001f) | ((page & 3) << 29) | (((page >>> 2) & 0x7ffff) << 5)) >>> 0, at);
    }
  }
  return isLast ? bytes.length : at;
};
