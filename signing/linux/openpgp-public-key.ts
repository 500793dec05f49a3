/**
 * OpenPGP public keys to verify with: read and judged (expiry, revocation, who
 * may sign) by openpgp.js, the numbers handed on as `node:crypto` knows them.
 */
import { createPublicKey, type KeyObject } from "node:crypto";
import { type PublicKey, readKeys } from "openpgp";
import { ErthError, messageOf } from "../../runtime/base/errors.ts";

export interface OpenPgpPublicKey {
  /** Of the primary key, upper-case hex. */
  readonly fingerprint: string;
  readonly userIds: readonly string[];
  /** Whether a signature names this key or one of its subkeys. */
  readonly has: (keyId: string) => boolean;
  /** The key that made a signature at this time. Throws `OPENPGP_KEY` where it might not sign then. */
  readonly signingKey: (keyId: string, at: Date) => Promise<OpenPgpVerifier>;
}

/** A key's numbers; elliptic curves as a point, because digests are verified, not messages. */
export type OpenPgpVerifier =
  | { readonly kind: "rsa"; readonly key: KeyObject }
  | { readonly kind: "ed25519"; readonly key: KeyObject }
  | { readonly kind: "ecdsa"; readonly curve: "p256" | "p384" | "p521"; readonly point: Uint8Array };

const MAX_REMEMBERED = 100;
const CURVES: Readonly<Record<string, "p256" | "p384" | "p521">> = {
  nistP256: "p256",
  nistP384: "p384",
  nistP521: "p521",
};

/** The public keys in a file, armored or not. Throws `OPENPGP_KEY`. */
export async function readOpenPgpPublicKeys(file: Uint8Array, name: string): Promise<readonly OpenPgpPublicKey[]> {
  const text = Buffer.from(file).toString("latin1");
  try {
    const isArmored = text.trimStart().startsWith("-----BEGIN");
    const keys = isArmored
      ? await readKeys({ armoredKeys: text })
      : await readKeys({ binaryKeys: Uint8Array.from(file) });
    return keys.map((key) => publicKeyOf(key.toPublic()));
  } catch (cause) {
    throw badKey(`${name} holds no OpenPGP public key that can be read (${messageOf(cause)})`, cause);
  }
}

function publicKeyOf(key: PublicKey): OpenPgpPublicKey {
  const idOf = (keyId: string) =>
    key
      .getKeys()
      .map((one) => one.getKeyID())
      .find((id) => id.toHex().toUpperCase() === keyId);
  const found = new Map<string, Promise<OpenPgpVerifier>>();
  const find = async (keyId: string, at: Date): Promise<OpenPgpVerifier> => {
    const name = key.getFingerprint().toUpperCase();
    try {
      const { keyPacket } = await key.getSigningKey(idOf(keyId), at);
      return verifierOf(keyPacket.publicParams, keyPacket.getAlgorithmInfo().curve);
    } catch (cause) {
      if (cause instanceof ErthError) throw cause;
      throw badKey(`the OpenPGP key ${name} could not sign at ${at.toISOString()}: ${messageOf(cause)}`, cause);
    }
  };
  return {
    fingerprint: key.getFingerprint().toUpperCase(),
    userIds: key.getUserIDs(),
    has: (keyId) => idOf(keyId) !== undefined,
    signingKey(keyId, at) {
      // The key's own signatures are checked for this; a release asks again and again for the same second.
      const what = `${keyId} ${at.getTime()}`;
      const before = found.get(what) ?? find(keyId, at);
      if (found.size < MAX_REMEMBERED) found.set(what, before);
      return before;
    },
  };
}

function verifierOf(params: unknown, curve: string | undefined): OpenPgpVerifier {
  const fields: Readonly<Record<string, unknown>> = { ...Object(params) };
  const bytes = (name: string): Uint8Array | undefined => {
    const value = fields[name];
    return value instanceof Uint8Array ? value : undefined;
  };
  const [n, e, native] = [bytes("n"), bytes("e"), bytes("A")];
  if (n && e) return { kind: "rsa", key: fromJwk({ kty: "RSA", n: base64url(n), e: base64url(e) }) };
  if (native) return { kind: "ed25519", key: fromJwk({ kty: "OKP", crv: "Ed25519", x: base64url(native) }) };
  const point = bytes("Q");
  // RFC 9580 §11.3.3: the old form of Ed25519 has 0x40 before the point.
  if (point && curve === "ed25519Legacy")
    return { kind: "ed25519", key: fromJwk({ kty: "OKP", crv: "Ed25519", x: base64url(point.subarray(1)) }) };
  const known = CURVES[curve ?? ""];
  if (point && known) return { kind: "ecdsa", curve: known, point };
  throw badKey(`the OpenPGP key is of a kind that is not verified here (${curve ?? "DSA"})`);
}

function fromJwk(key: Record<string, string>): KeyObject {
  return createPublicKey({ key, format: "jwk" });
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

function badKey(what: string, cause?: unknown): ErthError {
  return new ErthError({
    code: "OPENPGP_KEY",
    message: `${what}.`,
    remedy: "export the public key of who signed: gpg --armor --export KEY",
    cause,
  });
}
