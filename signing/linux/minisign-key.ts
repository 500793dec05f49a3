/**
 * minisign keys: 42 bytes of public key (`Ed`, key id, Ed25519 point), 158 of
 * secret key (`Ed`, `Sc` or zeros, `B2`, salt, limits, then id, key and
 * checksum, encrypted where there is a password). Both numbers little-endian.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { blake2b } from "@noble/hashes/blake2.js";
import { ErthError } from "../../runtime/base/errors.ts";
import { Secret } from "../../runtime/base/secret.ts";
import { type ScryptLimits, scryptStream, SENSITIVE_LIMITS } from "./minisign-scrypt.ts";
import {
  encodeMinisignText,
  minisignDamaged,
  type MinisignForm,
  parseMinisignText,
  strictBase64,
} from "./minisign-text.ts";

export interface MinisignPublicKey {
  /** 8 bytes. */
  readonly keyId: Uint8Array;
  /** 32 bytes, an Ed25519 point. */
  readonly point: Uint8Array;
}

export interface MinisignSecretKey {
  readonly publicKey: MinisignPublicKey;
  readonly privateKey: KeyObject;
}

const PUBLIC = "minisign public key";
const SECRET = "minisign secret key";
const PUBLIC_BYTES = 42;
const SECRET_BYTES = 158;
/** Key id, seed and point, checksum. */
const BODY_BYTES = 104;
const CHECKSUM_BYTES = 32;
/** RFC 8410 §7 and §4: what comes before the 32 bytes. */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/** How people see a key id: hex of the little-endian number, as `minisign` prints it. */
export function minisignKeyName({ keyId }: Pick<MinisignPublicKey, "keyId">): string {
  return Buffer.from(keyId).reverse().toString("hex").toUpperCase();
}

/** Reads a public key: the file, its second line alone, or Tauri's base64 of the file. Throws `MINISIGN_DAMAGED`. */
export function parseMinisignPublicKey(text: string): MinisignPublicKey {
  // The bare second line; nothing else of base64 is that long.
  const bare = text.trim();
  const bytes = /^RW[A-Za-z0-9+/]{54}$/.test(bare) ? strictBase64(bare, PUBLIC) : parseMinisignText(text, PUBLIC).value;
  if (bytes.length !== PUBLIC_BYTES || latin1(bytes, 0, 2) !== "Ed") {
    throw minisignDamaged(PUBLIC, `it has ${bytes.length} bytes, or another algorithm than Ed`);
  }
  return { keyId: bytes.slice(2, 10), point: bytes.slice(10) };
}

/** Writes a public key in either form. */
export function encodeMinisignPublicKey(key: MinisignPublicKey, form: MinisignForm): string {
  const value = Buffer.concat([Buffer.from("Ed"), key.keyId, key.point]);
  return encodeMinisignText({ untrustedComment: `minisign public key ${minisignKeyName(key)}`, value }, form);
}

/** The key as `node:crypto` verifies with it. */
export function minisignKeyObject({ point }: MinisignPublicKey): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, point]), format: "der", type: "spki" });
}

/**
 * Reads a secret key in either form, encrypted or not. Throws
 * `MINISIGN_DAMAGED`, or `KEY_PASSWORD` where the password is wrong or missing.
 */
export async function parseMinisignSecretKey(text: Secret, password?: Secret): Promise<MinisignSecretKey> {
  const { value, trusted } = parseMinisignText(text.reveal(), SECRET);
  if (value.length !== SECRET_BYTES || trusted !== undefined)
    throw minisignDamaged(SECRET, `it has ${value.length} bytes`);
  const derivation = latin1(value, 2, 4);
  if (latin1(value, 0, 2) !== "Ed" || latin1(value, 4, 6) !== "B2" || !["Sc", "\0\0"].includes(derivation)) {
    throw minisignDamaged(SECRET, "it is of an unknown algorithm");
  }
  const isEncrypted = derivation === "Sc";
  const body = value.slice(SECRET_BYTES - BODY_BYTES);
  if (isEncrypted) {
    if (password === undefined) throw wrongPassword("needs a password (it may be an empty one)");
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
    const limits = { operations: view.getBigUint64(38, true), memoryBytes: view.getBigUint64(46, true) };
    const stream = await scryptStream(password, value.slice(6, 38), limits, BODY_BYTES);
    for (let at = 0; at < BODY_BYTES; at += 1) body[at] = (body[at] ?? 0) ^ (stream[at] ?? 0);
  }
  const signed = body.subarray(0, BODY_BYTES - CHECKSUM_BYTES);
  if (Buffer.compare(checksum(signed), body.subarray(signed.length)) !== 0) {
    throw isEncrypted
      ? wrongPassword("does not open with this password")
      : minisignDamaged(SECRET, "its checksum is wrong");
  }
  const key = keyOf(body.slice(0, 8), body.slice(8, 40));
  // The second half repeats the point; a key that contradicts itself leaks its seed when it signs.
  if (Buffer.compare(key.publicKey.point, body.slice(40, 72)) !== 0) throw minisignDamaged(SECRET, "its halves differ");
  return key;
}

/** Writes a secret key, encrypted where there is a password. Lesser limits than minisign's own are for tests. */
export async function encodeMinisignSecretKey(
  key: MinisignSecretKey,
  form: MinisignForm,
  password?: Secret,
  limits: ScryptLimits = SENSITIVE_LIMITS,
): Promise<Secret> {
  const { d = "" } = key.privateKey.export({ format: "jwk" });
  const signed = Buffer.concat([key.publicKey.keyId, Buffer.from(d, "base64url"), key.publicKey.point]);
  const body = Buffer.concat([signed, checksum(signed)]);
  const head = Buffer.alloc(SECRET_BYTES - BODY_BYTES);
  head.write("Ed", 0, "latin1");
  head.write("B2", 4, "latin1");
  if (password !== undefined) {
    head.write("Sc", 2, "latin1");
    const salt = randomBytes(32);
    salt.copy(head, 6);
    head.writeBigUInt64LE(limits.operations, 38);
    head.writeBigUInt64LE(limits.memoryBytes, 46);
    const stream = await scryptStream(password, salt, limits, BODY_BYTES);
    for (let at = 0; at < BODY_BYTES; at += 1) body[at] = (body[at] ?? 0) ^ (stream[at] ?? 0);
  }
  const untrustedComment = `minisign ${password === undefined ? "" : "encrypted "}secret key`;
  return new Secret(encodeMinisignText({ untrustedComment, value: Buffer.concat([head, body]) }, form));
}

/** A new key with a random id. */
export function generateMinisignKey(): MinisignSecretKey {
  const { privateKey } = generateKeyPairSync("ed25519");
  const { d = "" } = privateKey.export({ format: "jwk" });
  return keyOf(randomBytes(8), Buffer.from(d, "base64url"));
}

function keyOf(keyId: Uint8Array, seed: Uint8Array): MinisignSecretKey {
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: "der", type: "pkcs8" });
  const { x = "" } = createPublicKey(privateKey).export({ format: "jwk" });
  return {
    publicKey: { keyId: Uint8Array.from(keyId), point: Uint8Array.from(Buffer.from(x, "base64url")) },
    privateKey,
  };
}

// BLAKE2b-256 is not BLAKE2b-512 cut short, and node:crypto has only the latter.
function checksum(signed: Uint8Array): Uint8Array {
  return blake2b(Buffer.concat([Buffer.from("Ed"), signed]), { dkLen: CHECKSUM_BYTES });
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.subarray(start, end)).toString("latin1");
}

function wrongPassword(what: string): ErthError {
  return new ErthError({
    code: "KEY_PASSWORD",
    message: `the ${SECRET} ${what}.`,
    remedy: "set the password that was given when the key was made, then: erth doctor signing",
  });
}
