/**
 * The OpenPGP key that signs packages and repositories: read and unlocked by
 * openpgp.js, its signing key handed on as `node:crypto` knows it. Version 4
 * keys (RFC 9580 §5.5.2), which is what gpg, apt and rpm understand.
 */
import { createPrivateKey, type KeyObject } from "node:crypto";
import { decryptKey, type PrivateKey, readPrivateKey } from "openpgp";
import { ErthError } from "../../runtime/base/errors.ts";
import type { Secret } from "../../runtime/base/secret.ts";
import { integerOf, OPENPGP_ALGORITHMS } from "./openpgp-packet.ts";

export interface OpenPgpKey {
  /** Of the primary key, upper-case hex, as `gpg --list-keys` prints it. */
  readonly fingerprint: string;
  readonly userIds: readonly string[];
  /** When the primary or the signing key ends, whichever comes first; undefined for never. */
  readonly expires: Date | undefined;
  /** What a repository offers to its users. */
  readonly armoredPublicKey: string;
  readonly signing: OpenPgpSigningKey;
  readonly unlocked: PrivateKey;
}

export interface OpenPgpSigningKey {
  /** The registry's number (RFC 9580 §9.1). */
  readonly algorithm: number;
  /** 20 bytes; the last 8 are the key id. */
  readonly fingerprint: Uint8Array;
  readonly privateKey: KeyObject;
}

/** Reads an armored private key, also in base64. Throws `KEY_DAMAGED`, `KEY_PASSWORD`, `KEY_KIND` or `KEY_EXPIRED`; `now` is what expiry is judged by. */
export async function readOpenPgpKey(armored: Secret, password: Secret | undefined, now: Date): Promise<OpenPgpKey> {
  const locked = await parseKey(armored);
  const unlocked = await unlock(locked, password);
  const signing = await signingKeyOf(unlocked, now);
  const ends = await Promise.all([unlocked.getExpirationTime(), signing.getExpirationTime(now)]);
  const times = ends.filter((end) => end instanceof Date).map((end) => end.getTime());
  const { keyPacket } = signing;
  const fingerprint = keyPacket.getFingerprintBytes();
  if (keyPacket.version !== 4 || fingerprint?.length !== 20) throw wrongKind(`is of version ${keyPacket.version}`);
  const privateParams: unknown = "privateParams" in keyPacket ? keyPacket.privateParams : undefined;
  return {
    fingerprint: unlocked.getFingerprint().toUpperCase(),
    userIds: unlocked.getUserIDs(),
    expires: times.length === 0 ? undefined : new Date(Math.min(...times)),
    armoredPublicKey: unlocked.toPublic().armor(),
    signing: {
      algorithm: keyPacket.algorithm,
      fingerprint,
      privateKey: keyObject(keyPacket.algorithm, { ...keyPacket.publicParams, ...Object(privateParams) }),
    },
    unlocked,
  };
}

async function parseKey(armored: Secret): Promise<PrivateKey> {
  const raw = armored.reveal().trim();
  const text = raw.includes("-----BEGIN PGP") ? raw : Buffer.from(raw, "base64").toString("utf8");
  const armoredKey = text.replaceAll("\\n", "\n");
  if (armoredKey.includes("-----BEGIN PGP PUBLIC KEY BLOCK-----")) throw wrongKind("is a public key");
  try {
    return await readPrivateKey({ armoredKey });
  } catch {
    // The library's words could quote the armor.
    throw new ErthError({
      code: "KEY_DAMAGED",
      message: "the OpenPGP key is not an armored private key.",
      remedy: "export it again: gpg --armor --export-secret-keys KEY",
    });
  }
}

async function unlock(privateKey: PrivateKey, password: Secret | undefined): Promise<PrivateKey> {
  // The primary key may be kept offline: then only subkeys hold secrets.
  const packets = privateKey.getKeys().map(({ keyPacket }) => keyPacket);
  if (packets.every((packet) => packet.isDecrypted() || ("isDummy" in packet && packet.isDummy()))) return privateKey;
  if (password === undefined) throw wrongPassword("needs a passphrase");
  try {
    return await decryptKey({ privateKey, passphrase: password.reveal() });
  } catch (cause) {
    const isUnsupported = cause instanceof Error && /not supported|unsupported|unknown/i.test(cause.message);
    throw isUnsupported
      ? wrongKind("is encrypted in a way that is not supported")
      : wrongPassword("does not open with this passphrase");
  }
}

async function signingKeyOf(key: PrivateKey, now: Date): Promise<Awaited<ReturnType<PrivateKey["getSigningKey"]>>> {
  try {
    return await key.getSigningKey(undefined, now);
  } catch (cause) {
    const end = await key.getExpirationTime();
    const isExpired = (end instanceof Date && end <= now) || (cause instanceof Error && /expired/i.test(cause.message));
    throw new ErthError({
      code: isExpired ? "KEY_EXPIRED" : "KEY_KIND",
      message: isExpired
        ? `the OpenPGP key ${key.getFingerprint().toUpperCase()} ended${end instanceof Date ? ` at ${end.toISOString()}` : ""}.`
        : `the OpenPGP key ${key.getFingerprint().toUpperCase()} cannot sign: ${cause instanceof Error ? cause.message : String(cause)}.`,
      remedy: isExpired
        ? "extend it (gpg --quick-set-expire KEY 2y), export it and publish it again"
        : "use a key that may sign, neither revoked nor weak",
      cause,
    });
  }
}

/** The secret numbers of a key as a `KeyObject`. */
function keyObject(algorithm: number, params: Readonly<Record<string, unknown>>): KeyObject {
  const bytes = (name: string): Uint8Array => {
    const value = params[name];
    if (value instanceof Uint8Array) return value;
    throw wrongKind("lacks its secret part: it was exported without it, or lies on a card");
  };
  const kind = OPENPGP_ALGORITHMS[algorithm];
  if (kind === "rsa") {
    const [d, p, q] = [integerOf(bytes("d")), integerOf(bytes("p")), integerOf(bytes("q"))];
    // OpenPGP keeps u = p⁻¹ mod q where PKCS #1 keeps q⁻¹ mod p: the primes trade places.
    return fromJwk({
      kty: "RSA",
      n: base64url(bytes("n")),
      e: base64url(bytes("e")),
      d: base64url(bytes("d")),
      p: base64url(bytes("q")),
      q: base64url(bytes("p")),
      dp: base64url(bytesOf(d % (q - 1n))),
      dq: base64url(bytesOf(d % (p - 1n))),
      qi: base64url(bytes("u")),
    });
  }
  if (kind !== undefined) {
    // RFC 9580 §11.3.3: the old form has 0x40 before the point.
    const point = kind === "ed25519" ? bytes("A") : bytes("Q").subarray(1);
    return fromJwk({ kty: "OKP", crv: "Ed25519", x: base64url(point), d: base64url(bytes("seed")) });
  }
  throw wrongKind("is neither RSA nor Ed25519");
}

function fromJwk(key: Record<string, string>): KeyObject {
  return createPrivateKey({ key, format: "jwk" });
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

function bytesOf(value: bigint): Uint8Array {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex");
}

function wrongKind(what: string): ErthError {
  return new ErthError({
    code: "KEY_KIND",
    message: `the OpenPGP key ${what}.`,
    remedy: "use a private RSA or Ed25519 key: gpg --armor --export-secret-keys KEY",
  });
}

function wrongPassword(what: string): ErthError {
  return new ErthError({
    code: "KEY_PASSWORD",
    message: `the OpenPGP key ${what}.`,
    remedy: "set the passphrase that gpg asks for with this key, then: erth doctor signing",
  });
}
