/** OpenPGP's bytes that a detached signature is made of: lengths, numbers, subpackets (RFC 9580 §3.2, §4.2 and §5.2.3). */

/** Public-key algorithms that we sign with, by their numbers in the registry (§9.1). */
export const OPENPGP_ALGORITHMS: Readonly<Record<number, "rsa" | "eddsa-legacy" | "ed25519">> = {
  1: "rsa",
  3: "rsa",
  22: "eddsa-legacy",
  27: "ed25519",
};

/** Subpacket types (§5.2.3.7). */
export const SUBPACKETS = { created: 2, issuerKeyId: 16, issuerFingerprint: 33 } as const;

/** A multiprecision integer: its length in bits, and its bytes without leading zeros. */
export function encodeMpi(bytes: Uint8Array): Uint8Array {
  const start = bytes.findIndex((byte) => byte !== 0);
  const trimmed = start < 0 ? new Uint8Array() : bytes.subarray(start);
  const bits = trimmed.length === 0 ? 0 : trimmed.length * 8 - Math.clz32(trimmed[0] ?? 0) + 24;
  return Buffer.concat([uint16(bits), trimmed]);
}

/** A signature subpacket; all of ours are shorter than 192 bytes. */
export function encodeSubpacket(type: number, content: Uint8Array): Uint8Array {
  if (content.length >= 191) throw new TypeError(`a subpacket of ${content.length} bytes`);
  return Buffer.concat([Buffer.of(content.length + 1, type), content]);
}

/** A packet with the old header, which every reader knows. */
export function encodePacket(tag: number, content: Uint8Array): Uint8Array {
  if (content.length > 0xffff) throw new TypeError(`a packet of ${content.length} bytes`);
  return Buffer.concat([Buffer.of(0x80 | (tag << 2) | 1), uint16(content.length), content]);
}

/** Big-endian, two bytes. */
export function uint16(value: number): Uint8Array {
  return Buffer.of(value >> 8, value & 0xff);
}

/** Big-endian, four bytes. */
export function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A big-endian unsigned number. */
export function integerOf(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
}
