/**
 * Writes the feed's root document and its rotations, in TUF's form (1.0.31,
 * §4.3). A rotation is signed by the old and the new root keys, so that each
 * client can step from the root it has to the newest one.
 */
import { ErthError } from "../../runtime/base/errors.ts";
import type { JsonObject } from "../../runtime/updater/canonical-json.ts";
import { openTrustRoot, rotateTrustRoot, type TrustRoot } from "../../runtime/updater/trust-root.ts";
import type { FeedKey } from "../../runtime/updater/verify.ts";
import { feedKeyId } from "../../runtime/updater/verify.ts";
import { addFeedSignatures, type FeedSigningKey, signFeed } from "./ed25519.ts";

export interface RootRole {
  readonly keys: readonly FeedKey[];
  readonly threshold: number;
}

export interface RootPlan {
  readonly expires: Date;
  /** By name; TUF clients want `root`, `targets`, `snapshot` and `timestamp`. */
  readonly roles: Readonly<Record<string, RootRole>> & { readonly root: RootRole };
}

/** The first root document, version 1, signed by as many of its root keys as are given; the rest is added later. */
export function createRoot(plan: RootPlan, keys: readonly FeedSigningKey[]): Uint8Array {
  return signFeed(rootDocument(plan, 1), keys);
}

/** The root after a trusted one, to be signed by old and new root keys; any of them may be added later. */
export function createRotation(trusted: TrustRoot, plan: RootPlan, keys: readonly FeedSigningKey[]): Uint8Array {
  return signFeed(rootDocument(plan, trusted.version + 1), keys);
}

/** Adds the signatures of people who hold the other keys. */
export function addRootSignatures(root: Uint8Array, keys: readonly FeedSigningKey[]): Uint8Array {
  return addFeedSignatures(root, keys, "the feed's root document");
}

/** Walks a chain of root documents as a client does, and returns the last one. Throws what the client throws, or `FEED_ROTATION` for an empty chain. */
export function walkRoots(chain: readonly Uint8Array[]): TrustRoot {
  const [first, ...rest] = chain;
  if (first !== undefined) return rest.reduce((trusted, next) => rotateTrustRoot(trusted, next), openTrustRoot(first));
  throw new ErthError({
    code: "FEED_ROTATION",
    message: "there is no root document to begin with.",
    remedy: "make one and keep its keys offline: erth feed",
  });
}

function rootDocument({ expires, roles }: RootPlan, version: number): JsonObject {
  const keys: Record<string, JsonObject> = {};
  const named: Record<string, JsonObject> = {};
  for (const [name, role] of Object.entries(roles)) {
    const keyids = role.keys.map(feedKeyId);
    if (!(role.threshold >= 1 && role.threshold <= new Set(keyids).size && new Set(keyids).size === keyids.length)) {
      throw new ErthError({
        code: "FEED_ROTATION",
        message: `the role ${name} needs ${role.threshold} of ${new Set(keyids).size} different keys.`,
        remedy: "name each key once, and set the threshold between 1 and the number of keys",
      });
    }
    for (const key of role.keys) {
      keys[feedKeyId(key)] = { keytype: key.keytype, scheme: key.scheme, keyval: { public: key.keyval.public } };
    }
    named[name] = { keyids, threshold: role.threshold };
  }
  return {
    _type: "root",
    spec_version: "1.0.31",
    consistent_snapshot: true,
    version,
    expires: `${expires.toISOString().slice(0, 19)}Z`,
    keys,
    roles: named,
  };
}
