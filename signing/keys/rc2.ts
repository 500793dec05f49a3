/**
 * RC2 decryption (RFC 2268): the cipher of PKCS #12 files from Keychain Access
 * and old Windows, which OpenSSL 3 no longer offers by default. Only ever used
 * to read certificates and keys that exist; nothing is encrypted with it.
 */

/** Decrypts CBC and takes the padding off; undefined when the padding is wrong. The key's bits are those of its bytes. */
export function decryptRc2Cbc(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array | undefined {
  if (data.length === 0 || data.length % 8 !== 0 || iv.length !== 8) return undefined;
  const expanded = expandKey(key);
  const out = new Uint8Array(data.length);
  let previous = iv;
  for (let at = 0; at < data.length; at += 8) {
    const block = data.subarray(at, at + 8);
    const plain = decryptBlock(expanded, block);
    for (let index = 0; index < 8; index++) out[at + index] = (plain[index] ?? 0) ^ (previous[index] ?? 0);
    previous = block;
  }
  const padding = out.at(-1) ?? 0;
  const isPadded = padding >= 1 && padding <= 8 && out.subarray(-padding).every((byte) => byte === padding);
  return isPadded ? out.subarray(0, -padding) : undefined;
}

/** §2: 64 words from the key; `effectiveBits` narrows it. */
export function expandKey(key: Uint8Array, effectiveBits = key.length * 8): Uint16Array {
  const table = new Uint8Array(128);
  table.set(key);
  for (let at = key.length; at < 128; at++) {
    table[at] = piOf((table[at - 1] ?? 0) + (table[at - key.length] ?? 0));
  }
  const octets = Math.ceil(effectiveBits / 8);
  const mask = 255 >> (octets * 8 - effectiveBits);
  table[128 - octets] = piOf((table[128 - octets] ?? 0) & mask);
  for (let at = 127 - octets; at >= 0; at--) {
    table[at] = piOf((table[at + 1] ?? 0) ^ (table[at + octets] ?? 0));
  }
  return Uint16Array.from({ length: 64 }, (_, word) => (table[word * 2] ?? 0) | ((table[word * 2 + 1] ?? 0) << 8));
}

const SHIFTS = [1, 2, 3, 5] as const;

/** §4: five, six and five reverse mixing rounds with a reverse mash between. */
export function decryptBlock(key: Uint16Array, block: Uint8Array): Uint8Array {
  const words = Uint16Array.from({ length: 4 }, (_, at) => (block[at * 2] ?? 0) | ((block[at * 2 + 1] ?? 0) << 8));
  const word = (at: number): number => words[at & 3] ?? 0;
  let keyAt = 63;
  const unmix = (rounds: number): void => {
    for (let round = 0; round < rounds; round++) {
      for (let at = 3; at >= 0; at--) {
        const shift = SHIFTS[at] ?? 0;
        const rotated = (word(at) >> shift) | (word(at) << (16 - shift));
        words[at] = rotated - (key[keyAt--] ?? 0) - (word(at - 1) & word(at - 2)) - (~word(at - 1) & word(at - 3));
      }
    }
  };
  const unmash = (): void => {
    for (let at = 3; at >= 0; at--) words[at] = word(at) - (key[word(at - 1) & 63] ?? 0);
  };
  unmix(5);
  unmash();
  unmix(6);
  unmash();
  unmix(5);
  return Uint8Array.from({ length: 8 }, (_, at) => word(at >> 1) >> (at & 1 ? 8 : 0));
}

/** §2.1: a permutation of the octets, from the digits of pi. */
const PI = Buffer.from(
  "d978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2" +
    "179a59f587b34f1361456d8d09817d32bd8f40eb86b77b0bf09521225c6b4e82" +
    "54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626" +
    "6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed7" +
    "08e8eade8052eef784aa72ac354d6a2a961ad2715a1549744b9fd05e0418a4ec" +
    "c2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731" +
    "2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a9" +
    "0d38341bab33ffb0bb480c5fb9b1cd2ec5f3db47e5a59c770aa62068fe7fc1ad",
  "hex",
);

function piOf(value: number): number {
  return PI[value & 255] ?? 0;
}
