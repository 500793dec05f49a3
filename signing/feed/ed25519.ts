/**
 * Keys and signatures of the update feed: Ed25519 over canonical JSON, in the
 * envelopes that `runtime/updater/verify.ts` verifies. Signatures of several
 * people gather in one document, so a threshold needs nobody to hold two keys.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { ErthError } from "../../runtime/base/errors.ts";
import { Secret } from "../../runtime/base/secret.ts";
import { canonicalJson, type JsonObject } from "../../runtime/updater/canonical-json.ts";
import { type FeedKey, feedKeyId, type FeedSignature, parseEnvelope } from "../../runtime/updater/verify.ts";

export interface FeedSigningKey {
  readonly keyId: string;
  readonly publicKey: FeedKey;
  readonly privateKey: KeyObject;
}

/** A new key. */
export function generateFeedKey(): FeedSigningKey {
  return feedKeyOf(generateKeyPairSync("ed25519").privateKey);
}

/** PKCS #8 PEM, encrypted (AES-256) where there is a password. */
export function encodeFeedKey({ privateKey }: FeedSigningKey, password?: Secret): Secret {
  const encryption = password === undefined ? {} : { cipher: "aes-256-cbc", passphrase: password.reveal() };
  return new Secret(privateKey.export({ format: "pem", type: "pkcs8", ...encryption }));
}

/** Reads such a PEM, also one with literal `\n` or in base64. Throws `KEY_DAMAGED`, `KEY_PASSWORD` or `KEY_KIND`. */
export function parseFeedKey(pem: Secret, password?: Secret): FeedSigningKey {
  const text = plainPem(pem.reveal());
  const isEncrypted = text.includes("-----BEGIN ENCRYPTED PRIVATE KEY-----");
  if (isEncrypted && password === undefined) throw wrongPassword("needs a password");
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey({ key: text, ...(isEncrypted ? { passphrase: password?.reveal() ?? "" } : {}) });
  } catch {
    // OpenSSL's words say nothing that would help, and could quote the input.
    if (isEncrypted) throw wrongPassword("does not open with this password, or is damaged");
    throw new ErthError({
      code: "KEY_DAMAGED",
      message: "the feed key is not a PKCS #8 private key in PEM.",
      remedy: "set the whole file, from -----BEGIN PRIVATE KEY----- to -----END PRIVATE KEY-----",
    });
  }
  if (privateKey.asymmetricKeyType === "ed25519") return feedKeyOf(privateKey);
  throw new ErthError({
    code: "KEY_KIND",
    message: `the feed key is of the type ${privateKey.asymmetricKeyType ?? "unknown"}; feeds are signed with Ed25519.`,
    remedy: "make one: openssl genpkey -algorithm ed25519",
  });
}

/** Signs a document with all the keys; the bytes of the envelope, JSON with a line feed at its end. */
export function signFeed(signed: JsonObject, keys: readonly FeedSigningKey[]): Uint8Array {
  return encodeEnvelope(signed, [], canonicalOf(signed), keys);
}

/** Adds the signatures of further keys, replacing their older ones; the document stays as it is. Throws `FEED_UNREADABLE`. */
export function addFeedSignatures(envelope: Uint8Array, keys: readonly FeedSigningKey[], what: string): Uint8Array {
  const { signed, signatures, canonical } = parseEnvelope(envelope, what);
  return encodeEnvelope(signed, signatures, canonical, keys);
}

function encodeEnvelope(
  signed: Readonly<Record<string, unknown>>,
  earlier: readonly FeedSignature[],
  canonical: Uint8Array,
  keys: readonly FeedSigningKey[],
): Uint8Array {
  const byId = new Map(earlier.map((signature) => [signature.keyid, signature]));
  for (const { keyId, privateKey } of keys) {
    byId.set(keyId, { keyid: keyId, sig: sign(null, canonical, privateKey).toString("hex") });
  }
  const signatures = [...byId.values()].sort((a, b) => (a.keyid < b.keyid ? -1 : 1));
  return Buffer.from(`${JSON.stringify({ signed, signatures }, undefined, 1)}\n`, "utf8");
}

function canonicalOf(signed: JsonObject): Uint8Array {
  const canonical = canonicalJson(signed);
  if (canonical !== undefined) return canonical;
  throw new TypeError("a feed holds whole numbers and well-formed text only");
}

function feedKeyOf(privateKey: KeyObject): FeedSigningKey {
  const { x = "" } = createPublicKey(privateKey).export({ format: "jwk" });
  const point = Buffer.from(x, "base64url").toString("hex");
  const publicKey: FeedKey = { keytype: "ed25519", scheme: "ed25519", keyval: { public: point } };
  return { keyId: feedKeyId(publicKey), publicKey, privateKey };
}

function plainPem(text: string): string {
  const plain = text.includes("-----BEGIN") ? text : Buffer.from(text, "base64").toString("utf8");
  return plain.replaceAll("\\n", "\n").trim();
}

function wrongPassword(what: string): ErthError {
  return new ErthError({
    code: "KEY_PASSWORD",
    message: `the feed key ${what}.`,
    remedy: "set the password that was given when the key was made, then: erth doctor signing",
  });
}
