/**
 * Verifies signed documents of the update feed: an envelope of `signed` and
 * `signatures`, Ed25519 over the canonical bytes, believed when enough of a
 * role's keys agree. The forms are those of TUF 1.0.31, §4.2 and §5. Runs on
 * Node and Bun, inside apps.
 */
import { createHash, createPublicKey, verify } from "node:crypto";
import { ErthError } from "../base/errors.ts";
import { canonicalJson } from "./canonical-json.ts";

/** A public key, as TUF writes it. */
export interface FeedKey {
  readonly keytype: "ed25519";
  readonly scheme: "ed25519";
  /** 32 bytes, lower-case hex. */
  readonly keyval: { readonly public: string };
}

/** Who may sign a kind of document, and how many of them must. */
export interface FeedRole {
  readonly keyids: readonly string[];
  readonly threshold: number;
}

/** Public keys by their id. */
export type FeedKeys = Readonly<Record<string, FeedKey>>;

export interface FeedSignature {
  readonly keyid: string;
  /** 64 bytes, lower-case hex. */
  readonly sig: string;
}

/** A signed document, parsed but not yet believed. */
export interface FeedEnvelope {
  readonly signed: Readonly<Record<string, unknown>>;
  /** Entries that are no signatures are left out: one bad one must not strand a client. */
  readonly signatures: readonly FeedSignature[];
  /** The bytes that were signed. */
  readonly canonical: Uint8Array;
}

/** A feed with every delta of five releases is some 100 KB. */
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_SIGNATURES = 64;
/** RFC 8410 §4: what comes before the 32 bytes of an Ed25519 public key. */
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/** Hex SHA-256 of the key's canonical JSON (TUF §4.2). */
export function feedKeyId({ keytype, scheme, keyval }: FeedKey): string {
  const canonical = canonicalJson({ keytype, scheme, keyval: { public: keyval.public } });
  return createHash("sha256")
    .update(canonical ?? "")
    .digest("hex");
}

/** Whether a value is a public key that this file can verify with. */
export function isFeedKey(value: unknown): value is FeedKey {
  if (!isObject(value) || value["keytype"] !== "ed25519" || value["scheme"] !== "ed25519") return false;
  const keyval = value["keyval"];
  return isObject(keyval) && typeof keyval["public"] === "string" && /^[0-9a-f]{64}$/.test(keyval["public"]);
}

/** Parses a document; `what` names it in the error, which is `FEED_UNREADABLE`. */
export function parseEnvelope(bytes: Uint8Array, what: string): FeedEnvelope {
  if (bytes.length > MAX_BYTES) throw unreadable(what, `it is longer than ${MAX_BYTES} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw unreadable(what, "it is not JSON in UTF-8");
  }
  if (!isObject(value) || !isObject(value["signed"]) || !Array.isArray(value["signatures"])) {
    throw unreadable(what, "signed or signatures is missing");
  }
  if (value["signatures"].length > MAX_SIGNATURES)
    throw unreadable(what, `it has more than ${MAX_SIGNATURES} signatures`);
  const { signed } = value;
  const canonical = canonicalJson(signed);
  if (canonical === undefined) throw unreadable(what, "it holds a fraction, a broken character or too many levels");
  return { signed, signatures: value["signatures"].filter(isSignature), canonical };
}

/**
 * The document, when at least `threshold` different keys of the role signed
 * it. Throws `FEED_SIGNATURE`.
 */
export function verifyEnvelope(
  envelope: FeedEnvelope,
  role: FeedRole,
  keys: FeedKeys,
  what: string,
): Readonly<Record<string, unknown>> {
  const valid = new Set<string>();
  for (const { keyid, sig } of envelope.signatures) {
    const key = role.keyids.includes(keyid) ? keys[keyid] : undefined;
    // An id that is not its key's own would let one key count twice.
    if (key === undefined || !isFeedKey(key) || feedKeyId(key) !== keyid) continue;
    if (isSignedBy(key, envelope.canonical, sig)) valid.add(keyid);
  }
  if (Number.isInteger(role.threshold) && role.threshold > 0 && valid.size >= role.threshold) return envelope.signed;
  throw new ErthError({
    code: "FEED_SIGNATURE",
    message: `${what} is signed by ${valid.size} of the ${role.threshold} trusted keys that it needs.`,
    remedy: "do not install it; get the update from its publisher, who can check with: erth feed verify",
    facts: { valid: valid.size, threshold: role.threshold, signatures: envelope.signatures.map(({ keyid }) => keyid) },
  });
}

/** Throws `FEED_EXPIRED` unless `signed.expires` (`2027-01-01T00:00:00Z`) lies after `now`. */
export function checkExpiry(signed: Readonly<Record<string, unknown>>, now: Date, what: string): void {
  const { expires } = signed;
  const isTime = typeof expires === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(expires);
  const at = isTime ? Date.parse(expires) : Number.NaN;
  if (Number.isNaN(at)) throw unreadable(what, "its expires is no time such as 2027-01-01T00:00:00Z");
  if (now.getTime() < at) return;
  throw new ErthError({
    code: "FEED_EXPIRED",
    message: `${what} expired at ${new Date(at).toISOString()}.`,
    remedy: "check this computer's clock; if it is right, the publisher has to sign the feed again: erth feed",
    facts: { expires },
  });
}

/** The error for a document that is not one. */
export function unreadable(what: string, why: string): ErthError {
  return new ErthError({
    code: "FEED_UNREADABLE",
    message: `${what} cannot be read: ${why}.`,
    remedy: "try again later; the publisher can check it with: erth feed verify",
  });
}

/** Whether a value is a plain JSON object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSignature(value: unknown): value is FeedSignature {
  return (
    isObject(value) &&
    typeof value["keyid"] === "string" &&
    typeof value["sig"] === "string" &&
    /^[0-9a-f]{128}$/.test(value["sig"])
  );
}

function isSignedBy(key: FeedKey, message: Uint8Array, sig: string): boolean {
  try {
    const spki = Buffer.concat([SPKI_PREFIX, Buffer.from(key.keyval.public, "hex")]);
    return verify(null, message, createPublicKey({ key: spki, format: "der", type: "spki" }), Buffer.from(sig, "hex"));
  } catch {
    // 32 bytes that are no point of the curve: nobody can have signed with them.
    return false;
  }
}
