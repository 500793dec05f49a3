/**
 * The root document: which keys may sign what. A client trusts the one it
 * ships with, and a newer one only when both the old and the new root keys
 * signed it (TUF 1.0.31, §4.3 and §5.3). Root expiry is checked by the caller
 * on the last of a chain.
 */
import { ErthError } from "../base/errors.ts";
import {
  feedKeyId,
  type FeedKey,
  type FeedKeys,
  type FeedRole,
  isFeedKey,
  isObject,
  parseEnvelope,
  unreadable,
  verifyEnvelope,
} from "./verify.ts";

export interface TrustRoot {
  /** Counts up by one with each rotation. */
  readonly version: number;
  readonly expires: string;
  readonly keys: FeedKeys;
  /** By name; `root` is always there. */
  readonly roles: Readonly<Record<string, FeedRole>>;
}

const WHAT = "the feed's root document";
const MAX_KEYS = 64;

/** The root that an app ships with: its own keys must have signed it. Throws `FEED_UNREADABLE` or `FEED_SIGNATURE`. */
export function openTrustRoot(bytes: Uint8Array): TrustRoot {
  const envelope = parseEnvelope(bytes, WHAT);
  const root = parseRoot(envelope.signed);
  verifyEnvelope(envelope, roleOf(root, "root"), root.keys, WHAT);
  return root;
}

/** The next root after a trusted one. Throws `FEED_UNREADABLE`, `FEED_SIGNATURE`, or `FEED_ROTATION` where versions are skipped or repeated. */
export function rotateTrustRoot(trusted: TrustRoot, bytes: Uint8Array): TrustRoot {
  const envelope = parseEnvelope(bytes, WHAT);
  const next = parseRoot(envelope.signed);
  // §5.3.4: the old keys first, then the new ones.
  verifyEnvelope(envelope, roleOf(trusted, "root"), trusted.keys, `${WHAT} (by the keys trusted so far)`);
  verifyEnvelope(envelope, roleOf(next, "root"), next.keys, `${WHAT} (by its own keys)`);
  // §5.3.5: one step at a time, never back.
  if (next.version !== trusted.version + 1) {
    throw new ErthError({
      code: "FEED_ROTATION",
      message: `${WHAT} has version ${next.version}; after ${trusted.version} comes ${trusted.version + 1}.`,
      remedy: "publish every root document under its number; check with: erth feed verify",
      facts: { version: next.version, trusted: trusted.version },
    });
  }
  return next;
}

/** Verifies a document with a role of the root, and returns what it says. Throws `FEED_UNREADABLE` or `FEED_SIGNATURE`. */
export function verifyFeed(
  bytes: Uint8Array,
  root: TrustRoot,
  role: string,
  what: string,
): Readonly<Record<string, unknown>> {
  return verifyEnvelope(parseEnvelope(bytes, what), roleOf(root, role), root.keys, what);
}

function roleOf(root: TrustRoot, name: string): FeedRole {
  const role = Object.hasOwn(root.roles, name) ? root.roles[name] : undefined;
  if (role === undefined) throw unreadable(WHAT, `it has no role ${name}`);
  return role;
}

function parseRoot(signed: Readonly<Record<string, unknown>>): TrustRoot {
  const { _type, version, expires, keys, roles } = signed;
  if (_type !== "root" || !isCount(version) || typeof expires !== "string" || !isObject(keys) || !isObject(roles)) {
    throw unreadable(WHAT, "_type, version, expires, keys or roles is wrong");
  }
  if (Object.keys(keys).length > MAX_KEYS) throw unreadable(WHAT, `it has more than ${MAX_KEYS} keys`);
  const known: Record<string, FeedKey> = Object.create(null);
  for (const [keyid, key] of Object.entries(keys)) {
    // A key of a kind that comes later is not an error, it just cannot count.
    if (!isFeedKey(key)) continue;
    if (feedKeyId(key) !== keyid) throw unreadable(WHAT, `the key ${keyid.slice(0, 16)} has another id`);
    known[keyid] = key;
  }
  const parsed = Object.entries(roles).map(([name, role]) => [name, parseRole(name, role)] as const);
  const root = { version, expires, keys: known, roles: Object.fromEntries(parsed) };
  roleOf(root, "root");
  return root;
}

function parseRole(name: string, value: unknown): FeedRole {
  const keyids: unknown = isObject(value) ? value["keyids"] : undefined;
  const threshold: unknown = isObject(value) ? value["threshold"] : undefined;
  const isList = Array.isArray(keyids) && keyids.length <= MAX_KEYS && keyids.every((id) => typeof id === "string");
  if (!isList || !isCount(threshold) || new Set(keyids).size !== keyids.length || threshold > keyids.length) {
    throw unreadable(WHAT, `the role ${name.slice(0, 40)} has wrong keyids or threshold`);
  }
  return { keyids, threshold };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0;
}
