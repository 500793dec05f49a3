/**
 * Decryption under a password as PKCS #12 files use it: PBES2 (RFC 8018 §6.2)
 * with AES or 3DES, and the old schemes of RFC 7292 appendix C, with 3DES and
 * RC2. Work and memory are bounded, because the file names both.
 */
import { createDecipheriv, createHash, pbkdf2Sync, scryptSync } from "node:crypto";
import { ErthError } from "../../runtime/base/errors.ts";
import type { DerNode } from "../cms/der.ts";
import { readAlgorithm, readOctets, readOid, readSmallInteger, sequenceOf } from "../cms/der-values.ts";
import { decryptRc2Cbc } from "./rc2.ts";

/** A password in its two encodings; empty ones differ between writers. */
export interface PasswordForms {
  /** PBES2 takes UTF-8. */
  readonly utf8: Uint8Array;
  /** RFC 7292 B.1: BMPString with a zero character at the end. */
  readonly bmp: Uint8Array;
}

/** What a decryption scheme is called: dotted OIDs. */
const PBES2 = "1.2.840.113549.1.5.13";
const PBKDF2 = "1.2.840.113549.1.5.12";
const SCRYPT = "1.3.6.1.4.1.11591.4.11";
const OLD_SCHEMES: Readonly<Record<string, { readonly cipher: "3des" | "rc2"; readonly keyBytes: number }>> = {
  "1.2.840.113549.1.12.1.3": { cipher: "3des", keyBytes: 24 },
  "1.2.840.113549.1.12.1.4": { cipher: "3des", keyBytes: 16 },
  "1.2.840.113549.1.12.1.5": { cipher: "rc2", keyBytes: 16 },
  "1.2.840.113549.1.12.1.6": { cipher: "rc2", keyBytes: 5 },
};
const CIPHERS: Readonly<Record<string, { readonly name: string; readonly keyBytes: number }>> = {
  "2.16.840.1.101.3.4.1.2": { name: "aes-128-cbc", keyBytes: 16 },
  "2.16.840.1.101.3.4.1.22": { name: "aes-192-cbc", keyBytes: 24 },
  "2.16.840.1.101.3.4.1.42": { name: "aes-256-cbc", keyBytes: 32 },
  "1.2.840.113549.3.7": { name: "des-ede3-cbc", keyBytes: 24 },
};
/** HMAC names of PBKDF2 and PBMAC1 (RFC 8018 B.1.2). */
export const hmacDigests: Readonly<Record<string, string>> = {
  "1.2.840.113549.2.7": "sha1",
  "1.2.840.113549.2.8": "sha224",
  "1.2.840.113549.2.9": "sha256",
  "1.2.840.113549.2.10": "sha384",
  "1.2.840.113549.2.11": "sha512",
};
const MAX_ITERATIONS = 2_000_000;
const MAX_SCRYPT_BYTES = 512 * 1024 * 1024;

/** The plain bytes, or undefined when they cannot be had with this password. An unknown scheme is `KEY_ENCRYPTION`. */
export function decryptWithPassword(
  algorithm: DerNode | undefined,
  data: Uint8Array,
  password: PasswordForms,
): Uint8Array | undefined {
  const what = "encryption scheme";
  const { oid, parameters } = readAlgorithm(algorithm, what);
  if (oid === PBES2) {
    const [kdf, cipher] = sequenceOf(parameters, what);
    const { oid: cipherOid, parameters: iv } = readAlgorithm(cipher, what);
    const known = CIPHERS[cipherOid] ?? unsupported(`the cipher ${cipherOid}`);
    return decipher(known.name, deriveKey(kdf, password.utf8, known.keyBytes), readOctets(iv, what), data);
  }
  const scheme = OLD_SCHEMES[oid] ?? unsupported(`the scheme ${oid}`);
  const [salt, count] = sequenceOf(parameters, what);
  const derive = (id: 1 | 2, bytes: number): Uint8Array =>
    derivePkcs12("sha1", id, password.bmp, readOctets(salt, what), iterationsOf(count), bytes);
  const key = derive(1, scheme.keyBytes);
  const iv = derive(2, 8);
  if (scheme.cipher === "rc2") return decryptRc2Cbc(key, iv, data);
  return decipher("des-ede3-cbc", key.length === 24 ? key : Buffer.concat([key, key.subarray(0, 8)]), iv, data);
}

/** A key by PBKDF2 (RFC 8018 A.2) or scrypt (RFC 7914 §7); a length that PBKDF2's parameters state wins. */
export function deriveKey(kdf: DerNode | undefined, password: Uint8Array, keyBytes: number): Uint8Array {
  const what = "key derivation";
  const { oid, parameters } = readAlgorithm(kdf, what);
  const [salt, ...fields] = sequenceOf(parameters, what);
  if (oid === SCRYPT) {
    const [N = 0, r = 0, p = 0] = fields.map((field) => readSmallInteger(field, what));
    if (N < 2 || r < 1 || p < 1 || p > 64 || 128 * N * r > MAX_SCRYPT_BYTES)
      unsupported(`scrypt with N=${N}, r=${r}, p=${p}`);
    return scryptSync(password, readOctets(salt, what), keyBytes, { N, r, p, maxmem: MAX_SCRYPT_BYTES * 2 });
  }
  if (oid !== PBKDF2) unsupported(`the key derivation ${oid}`);
  const [count, ...optional] = fields;
  const prf = optional.find((node) => node.constructed);
  const stated = optional.find((node) => !node.constructed);
  const length = stated === undefined ? keyBytes : readSmallInteger(stated, what);
  if (length < 1 || length > 1024) unsupported(`a key of ${length} bytes`);
  const prfOid = prf ? readOid(prf.children[0], what) : "1.2.840.113549.2.7";
  const digest = hmacDigests[prfOid] ?? unsupported(`the pseudo-random function ${prfOid}`);
  return pbkdf2Sync(password, readOctets(salt, what), iterationsOf(count), length, digest);
}

/** RFC 7292 B.2; `id` is 1 for a key, 2 for an initialization vector, 3 for a MAC key. */
export function derivePkcs12(
  hash: string,
  id: 1 | 2 | 3,
  password: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  bytes: number,
): Uint8Array {
  const block = hash === "sha384" || hash === "sha512" ? 128 : 64;
  const fill = (source: Uint8Array): Buffer => Buffer.alloc(Math.ceil(source.length / block) * block, source);
  const input = Buffer.concat([salt.length > 0 ? fill(salt) : salt, password.length > 0 ? fill(password) : password]);
  const out: Buffer[] = [];
  for (let made = 0; made < bytes;) {
    let digest = createHash(hash).update(Buffer.alloc(block, id)).update(input).digest();
    for (let round = 1; round < iterations; round++) digest = createHash(hash).update(digest).digest();
    out.push(digest);
    made += digest.length;
    // Each block of the input becomes itself, plus the digest, plus one.
    const addend = Buffer.alloc(block, digest);
    for (let at = 0; at < input.length; at += block) {
      let carry = 1;
      for (let index = block - 1; index >= 0; index--) {
        carry += (input[at + index] ?? 0) + (addend[index] ?? 0);
        input[at + index] = carry & 0xff;
        carry >>= 8;
      }
    }
  }
  return Buffer.concat(out).subarray(0, bytes);
}

/** A count that a file may ask for; more is `KEY_ENCRYPTION`. */
export function iterationsOf(node: DerNode | undefined): number {
  const count = readSmallInteger(node, "iteration count");
  return count >= 1 && count <= MAX_ITERATIONS ? count : unsupported(`${count} iterations`);
}

function decipher(name: string, key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array | undefined {
  try {
    const stream = createDecipheriv(name, key, iv);
    return Buffer.concat([stream.update(data), stream.final()]);
  } catch {
    // The padding is wrong: so is the password, or the file.
    return undefined;
  }
}

/** The file is protected in a way that is not supported. */
export function unsupported(what: string): never {
  throw new ErthError({
    code: "KEY_ENCRYPTION",
    message: `The key file is protected with ${what}, which erth does not read.`,
    remedy: "export it again with AES: openssl pkcs12 -in old.p12 -nodes | openssl pkcs12 -export -out new.p12",
  });
}
