/** MD4 (RFC 1320), which zsync names blocks by; no longer in OpenSSL. Never for anything that must hold against malice. */

const BLOCK_BYTES = 64;
/** Of each round: the order of the words, the shifts, the constant. */
const ROUNDS = [
  { order: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], shifts: [3, 7, 11, 19], constant: 0 },
  { order: [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15], shifts: [3, 5, 9, 13], constant: 0x5a82_7999 },
  { order: [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15], shifts: [3, 9, 11, 15], constant: 0x6ed9_eba1 },
] as const;
const STEPS = ROUNDS.flatMap(({ order, shifts, constant }, round) =>
  order.map((word, at) => ({ round, word, shift: shifts[at % 4] ?? 0, constant })),
);
const ORDER = Uint8Array.from(STEPS, ({ word }) => word);
const SHIFTS = Uint8Array.from(STEPS, ({ shift }) => shift);

/** The digest of the bytes: 16 bytes. */
export function md4(bytes: Uint8Array): Buffer {
  // §3.1 and §3.2: a one, zeros, the length in bits.
  const padded = Buffer.alloc(Math.ceil((bytes.length + 9) / BLOCK_BYTES) * BLOCK_BYTES);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  padded.writeBigUInt64LE(BigInt(bytes.length) * 8n, padded.length - 8);
  const words = new Int32Array(16);
  // §3.3
  let [a, b, c, d] = [0x6745_2301, 0xefcd_ab89 | 0, 0x98ba_dcfe | 0, 0x1032_5476];
  for (let start = 0; start < padded.length; start += BLOCK_BYTES) {
    for (let word = 0; word < 16; word += 1) words[word] = padded.readInt32LE(start + word * 4);
    const [a0, b0, c0, d0] = [a, b, c, d];
    // §3.4
    for (let step = 0; step < 48; step += 1) {
      const mixed =
        step < 16
          ? (b & c) | (~b & d)
          : step < 32
            ? ((b & c) | (b & d) | (c & d)) + ROUNDS[1].constant
            : (b ^ c ^ d) + ROUNDS[2].constant;
      const sum = (a + mixed + (words[ORDER[step] ?? 0] ?? 0)) | 0;
      const shift = SHIFTS[step] ?? 0;
      [a, d, c] = [d, c, b];
      b = (sum << shift) | (sum >>> (32 - shift));
    }
    [a, b, c, d] = [(a + a0) | 0, (b + b0) | 0, (c + c0) | 0, (d + d0) | 0];
  }
  // §3.5
  const digest = Buffer.alloc(16);
  for (const [at, value] of [a, b, c, d].entries()) digest.writeInt32LE(value, at * 4);
  return digest;
}
