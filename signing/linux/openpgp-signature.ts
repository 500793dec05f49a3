/**
 * Reads detached OpenPGP signatures (RFC 9580 §4.2 and §5.2; version 3 of RFC
 * 4880 §5.2.2 for old packages), armored or not. The input is untrusted.
 */
import { ErthError } from "../../runtime/base/errors.ts";

export interface OpenPgpSignature {
  /** 0 binary document, 1 text. */
  readonly type: number;
  /** Numbers of the registries (§9.1, §9.5). */
  readonly keyAlgorithm: number;
  readonly hashAlgorithm: number;
  /** As the signer says. */
  readonly createdAt: Date | undefined;
  readonly expiresAt: Date | undefined;
  /** Upper-case hex, 16 digits. */
  readonly issuerKeyId: string | undefined;
  /** Upper-case hex, 40 digits. */
  readonly issuerFingerprint: string | undefined;
  /** What is hashed after the content (§5.2.4). */
  readonly tail: Uint8Array;
  /** The digest's first two bytes. */
  readonly digestStart: Uint8Array;
  /** The algorithm's own fields: numbers, or 64 bytes of Ed25519. */
  readonly values: readonly Uint8Array[];
}

const ARMOR_START = "-----BEGIN PGP SIGNATURE-----";
const ARMOR_END = "-----END PGP SIGNATURE-----";
const SIGNATURE_TAG = 2;
const MAX_BYTES = 1 << 20;
const MAX_SIGNATURES = 32;
const ED25519 = 27;
const ED25519_BYTES = 64;
const CRC24_START = 0xb704ce;
const CRC24_POLYNOMIAL = 0x1864cfb;
const CREATED = 2;
const EXPIRES = 3;
const ISSUER_KEY_ID = 16;
const ISSUER_FINGERPRINT = 33;

/** The signatures in a `.asc` or `.sig`. Throws `OPENPGP_DAMAGED`. */
export function parseOpenPgpSignatures(file: Uint8Array): readonly OpenPgpSignature[] {
  if (file.length > MAX_BYTES) throw damaged(`it has ${file.length} bytes`);
  const text = Buffer.from(file).toString("latin1");
  const bytes = text.trimStart().startsWith("-----BEGIN") ? unarmor(text) : file;
  const signatures: OpenPgpSignature[] = [];
  for (let at = 0; at < bytes.length;) {
    if (signatures.length === MAX_SIGNATURES) throw damaged(`it holds more than ${MAX_SIGNATURES} packets`);
    const { tag, start, end } = packetAt(bytes, at);
    if (tag !== SIGNATURE_TAG) throw damaged(`it holds a packet with the tag ${tag}`);
    signatures.push(parseSignature(reader(bytes.subarray(start, end), `packet ${signatures.length}`)));
    at = end;
  }
  if (signatures.length === 0) throw damaged("it is empty");
  return signatures;
}

/** §6: base64 between two lines, and a checksum that may be left out. */
function unarmor(text: string): Uint8Array {
  const start = text.indexOf(ARMOR_START);
  const end = text.indexOf(ARMOR_END, start);
  if (start < 0 || end < 0) throw damaged("it is armored, and no detached signature");
  if (text.slice(end + ARMOR_END.length).trim() !== "") throw damaged("something follows its armor");
  const lines = text
    .slice(start + ARMOR_START.length, end)
    .split("\n")
    .map((line) => line.trimEnd());
  // Headers end with an empty line; the first one ends the opening line.
  const blank = lines.indexOf("", 1);
  const body = lines.slice(blank < 0 ? 1 : blank + 1).filter((line) => line !== "");
  const checksum = body.at(-1)?.startsWith("=") ? body.pop() : undefined;
  const base64 = body.join("");
  const bytes = Buffer.from(base64, "base64");
  if (bytes.toString("base64") !== base64) throw damaged("its base64 is damaged");
  if (checksum !== undefined && Buffer.from(checksum.slice(1), "base64").toString("hex") !== crc24(bytes))
    throw damaged("its armor has another checksum");
  return bytes;
}

function crc24(bytes: Uint8Array): string {
  let crc = CRC24_START;
  for (const byte of bytes) {
    crc ^= byte << 16;
    for (let bit = 0; bit < 8; bit += 1) {
      crc <<= 1;
      if ((crc & 0x1000000) !== 0) crc ^= CRC24_POLYNOMIAL;
    }
  }
  return (crc & 0xffffff).toString(16).padStart(6, "0");
}

/** §4.2: both forms of header; lengths that are not known in advance are for data alone. */
function packetAt(bytes: Uint8Array, at: number): { tag: number; start: number; end: number } {
  const view = reader(bytes.subarray(at), "its framing");
  const first = view.u8();
  if ((first & 0x80) === 0) throw damaged("its framing is wrong");
  const isNew = (first & 0x40) !== 0;
  const tag = isNew ? first & 0x3f : (first >> 2) & 0x0f;
  let length: number;
  if (isNew) length = newLength(view, "a packet of unknown length");
  else {
    const kind = first & 0x03;
    if (kind === 3) throw damaged("it holds a packet of unknown length");
    length = kind === 0 ? view.u8() : kind === 1 ? view.u16() : view.u32();
  }
  const start = at + view.position();
  if (length > bytes.length - start) throw damaged("it is cut off");
  return { tag, start, end: start + length };
}

/** §4.2.1, and the same for subpackets (§5.2.3.7). */
function newLength(view: Reader, partial: string): number {
  const first = view.u8();
  if (first < 192) return first;
  if (first < 224) return ((first - 192) << 8) + view.u8() + 192;
  if (first === 255) return view.u32();
  throw damaged(`it holds ${partial}`);
}

function parseSignature(view: Reader): OpenPgpSignature {
  const version = view.u8();
  if (version === 3) return parseVersion3(view);
  if (version !== 4) throw damaged(`it is of version ${version}, which is not read here`);
  const head = view.all();
  const [type, keyAlgorithm, hashAlgorithm] = [view.u8(), view.u8(), view.u8()];
  const hashed = view.bytes(view.u16());
  const hashedEnd = view.position();
  const unhashed = view.bytes(view.u16());
  const subpackets = parseSubpackets(hashed);
  // §5.2.3.6: what is not hashed is a hint; only the issuer is worth reading there.
  const hints = parseSubpackets(unhashed);
  const created = subpackets.get(CREATED);
  const createdAt = created && timeOf(created);
  const lifetime = subpackets.get(EXPIRES);
  const seconds = lifetime && uint32(lifetime);
  const fingerprint = subpackets.get(ISSUER_FINGERPRINT) ?? hints.get(ISSUER_FINGERPRINT);
  const keyId = subpackets.get(ISSUER_KEY_ID) ?? hints.get(ISSUER_KEY_ID);
  if (keyId && fingerprint && Buffer.compare(keyId, fingerprint.subarray(-8)) !== 0)
    throw damaged("it names two different keys");
  return {
    type,
    keyAlgorithm,
    hashAlgorithm,
    createdAt,
    expiresAt: createdAt && seconds ? new Date(createdAt.getTime() + seconds * 1000) : undefined,
    issuerFingerprint: fingerprint && fingerprint[0] === 4 ? hex(fingerprint.subarray(1)) : undefined,
    issuerKeyId: keyId && hex(keyId),
    // §5.2.4: the head, and its length.
    tail: Buffer.concat([head.subarray(0, hashedEnd), Uint8Array.of(4, 0xff), uint32Bytes(hashedEnd)]),
    digestStart: view.bytes(2),
    values: parseValues(view, keyAlgorithm),
  };
}

function parseVersion3(view: Reader): OpenPgpSignature {
  const length = view.u8();
  if (length !== 5) throw damaged(`its hashed part has ${length} bytes`);
  const tail = Uint8Array.from(view.bytes(5));
  const keyId = hex(view.bytes(8));
  const [keyAlgorithm, hashAlgorithm] = [view.u8(), view.u8()];
  return {
    type: tail[0] ?? 0,
    keyAlgorithm,
    hashAlgorithm,
    createdAt: timeOf(tail.subarray(1)),
    expiresAt: undefined,
    issuerKeyId: keyId,
    issuerFingerprint: undefined,
    tail,
    digestStart: view.bytes(2),
    values: parseValues(view, keyAlgorithm),
  };
}

/** By type; a critical one that is not known makes a signature void (§5.2.3.7). */
function parseSubpackets(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  const view = reader(bytes, "its subpackets");
  while (view.position() < bytes.length) {
    const content = view.bytes(newLength(view, "a subpacket of unknown length"));
    const [type] = content;
    if (type === undefined) throw damaged("it holds an empty subpacket");
    if ((type & 0x80) !== 0 && !KNOWN_SUBPACKETS.includes(type & 0x7f))
      throw damaged(`it holds the critical subpacket ${type & 0x7f}, which is not known here`);
    found.set(type & 0x7f, content.subarray(1));
  }
  return found;
}

/** Creation, expiry, issuer, key flags, signer's user id, features, issuer's fingerprint, notations. */
const KNOWN_SUBPACKETS: readonly number[] = [CREATED, EXPIRES, ISSUER_KEY_ID, 20, 27, 28, 30, ISSUER_FINGERPRINT];

function parseValues(view: Reader, keyAlgorithm: number): readonly Uint8Array[] {
  const values: Uint8Array[] = [];
  if (keyAlgorithm === ED25519) values.push(view.bytes(ED25519_BYTES));
  else while (view.position() < view.all().length) values.push(parseMpi(view));
  if (view.position() !== view.all().length) throw damaged("something follows its numbers");
  return values;
}

/** §3.2: the length of a number is in bits, and counts no zeros before it. */
function parseMpi(view: Reader): Uint8Array {
  const bits = view.u16();
  const bytes = view.bytes((bits + 7) >> 3);
  if (bits !== bytes.length * 8 - Math.clz32(bytes[0] ?? 0) + 24)
    throw damaged("a number has another length than it says");
  return bytes;
}

interface Reader {
  readonly u8: () => number;
  readonly u16: () => number;
  readonly u32: () => number;
  readonly bytes: (length: number) => Uint8Array;
  readonly position: () => number;
  readonly all: () => Uint8Array;
}

/** Big-endian fields, one after the other. */
function reader(bytes: Uint8Array, what: string): Reader {
  let at = 0;
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw damaged(`${what} is cut off`);
    at += length;
    return bytes.subarray(at - length, at);
  };
  const number = (length: number): number => take(length).reduce((value, byte) => value * 256 + byte, 0);
  return {
    u8: () => number(1),
    u16: () => number(2),
    u32: () => number(4),
    bytes: take,
    position: () => at,
    all: () => bytes,
  };
}

function timeOf(bytes: Uint8Array): Date {
  return new Date(uint32(bytes) * 1000);
}

function uint32(bytes: Uint8Array): number {
  return reader(bytes, "a number").u32();
}

function uint32Bytes(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex").toUpperCase();
}

function damaged(what: string): ErthError {
  return new ErthError({
    code: "OPENPGP_DAMAGED",
    message: `The OpenPGP signature cannot be read: ${what}.`,
    remedy: "get the file and its signature again from the place you trust, or sign it again: erth sign",
  });
}
