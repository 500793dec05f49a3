/**
 * The CheckSum field of a PE image, as `CheckSumMappedFile` computes it: the
 * 16-bit one's-complement sum of the file with the field itself as zero, plus
 * the file's length.
 */

export interface PeChecksum {
  /** Adds the bytes at this offset of the file; the order of calls does not matter. */
  add(bytes: Uint8Array, offset: number): void;
  copy(): PeChecksum;
  /** The field's value for a file of so many bytes. */
  value(fileBytes: number): number;
}

const FOLD_EVERY = 1 << 20;
const isLittleEndianHost = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** A sum under way; nothing added stands for zeros. */
export function peChecksum(start = 0): PeChecksum {
  let sum = start;
  return {
    add: (bytes, offset) => {
      // At an odd offset every byte sits in the other half of its word; 2^16 is 1 here, so that is a factor of 2^8.
      sum = fold(sum + fold(sumOf(bytes)) * (offset % 2 === 0 ? 1 : 256));
    },
    copy: () => peChecksum(sum),
    value: (fileBytes) => (sum + fileBytes) % 0x1_0000_0000,
  };
}

function sumOf(bytes: Uint8Array): number {
  const wordBytes = bytes.length - (bytes.length % 4);
  let sum = 0;
  // 2^32 and 2^16 are both 1 modulo 2^16 - 1, so adding 32-bit words and folding
  // once gives what adding 16-bit words gives, in half the steps.
  const words = wordsOf(bytes, wordBytes);
  for (let start = 0; start < words.length; start += FOLD_EVERY) {
    const end = Math.min(words.length, start + FOLD_EVERY);
    let part = 0;
    for (let at = start; at < end; at += 1) part += words[at] ?? 0;
    sum = fold(sum + part);
  }
  for (let at = wordBytes; at < bytes.length; at += 1) sum += (bytes[at] ?? 0) << (at % 2 === 0 ? 0 : 8);
  return sum;
}

function wordsOf(bytes: Uint8Array, wordBytes: number): Uint32Array {
  if (isLittleEndianHost && bytes.byteOffset % 4 === 0) {
    return new Uint32Array(bytes.buffer, bytes.byteOffset, wordBytes / 4);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, wordBytes);
  return Uint32Array.from({ length: wordBytes / 4 }, (_, at) => view.getUint32(at * 4, true));
}

/** End-around carry: the same number modulo 2^16 - 1, within 16 bits, zero only for zero. */
function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x1_0000) + Math.floor(folded / 0x1_0000);
  return folded;
}
