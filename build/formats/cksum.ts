/**
 * The checksum of POSIX `cksum` (IEEE Std 1003.1, XCU 3): CRC-32 with the
 * polynomial 0x04c11db7, high bit first, over the bytes and then their number.
 * A Bom carries it for every file. zlib's CRC runs the other way round.
 */

const POLYNOMIAL = 0x04c11db7;

/** `TABLES[n][byte]`: what a byte does to the sum when `n` more zero bytes follow it; four bytes go in at a time. */
const TABLES = Array.from({ length: 4 }, () => new Uint32Array(256));
for (let byte = 0; byte < 256; byte += 1) {
  let sum = byte << 24;
  for (let bit = 0; bit < 8; bit += 1) sum = (sum << 1) ^ (sum < 0 ? POLYNOMIAL : 0);
  TABLES[0]![byte] = sum;
}
for (let more = 1; more < 4; more += 1) {
  for (let byte = 0; byte < 256; byte += 1) {
    const before = TABLES[more - 1]![byte]!;
    TABLES[more]![byte] = (before << 8) ^ TABLES[0]![before >>> 24]!;
  }
}

export interface Cksum {
  update(bytes: Uint8Array): void;
  /** The checksum of everything so far. */
  value(): number;
}

/** A checksum under way. */
export function cksum(): Cksum {
  const [last, third, second, first] = TABLES as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  const step = (sum: number, byte: number): number => (sum << 8) ^ last[((sum >>> 24) ^ byte) & 0xff]!;
  let sum = 0;
  let length = 0;
  return {
    update(bytes) {
      length += bytes.length;
      let at = 0;
      for (const end = bytes.length - 3; at < end; at += 4) {
        sum ^= (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
        sum = first[sum >>> 24]! ^ second[(sum >>> 16) & 0xff]! ^ third[(sum >>> 8) & 0xff]! ^ last[sum & 0xff]!;
      }
      for (; at < bytes.length; at += 1) sum = step(sum, bytes[at]!);
    },
    value() {
      let whole = sum;
      // Low byte first, and no more bytes than the number has.
      for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) whole = step(whole, rest % 256);
      return ~whole >>> 0;
    },
  };
}

/** The checksum of these bytes. */
export function cksumOf(bytes: Uint8Array): number {
  const sum = cksum();
  sum.update(bytes);
  return sum.value();
}
