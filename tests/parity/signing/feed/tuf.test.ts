/** TUF's own JavaScript models believe what we sign, and refuse what we refuse. */
import { canonicalize } from "@tufjs/canonical-json";
import { Metadata, MetadataKind } from "@tufjs/models";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalJson } from "../../../../runtime/updater/canonical-json.ts";
import { openTrustRoot } from "../../../../runtime/updater/trust-root.ts";
import { generateFeedKey, signFeed } from "../../../../signing/feed/ed25519.ts";
import { createRoot, createRotation } from "../../../../signing/feed/trust-root.ts";

const [a, b, c, d] = [generateFeedKey(), generateFeedKey(), generateFeedKey(), generateFeedKey()];
const role = (...holders: readonly (typeof a)[]) => ({
  keys: holders.map(({ publicKey }) => publicKey),
  threshold: holders.length,
});
const plan = (root: ReturnType<typeof role>) => ({
  expires: new Date("2027-01-01T00:00:00Z"),
  roles: { root, targets: role(c), snapshot: role(c), timestamp: role(c) },
});
const json = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString("utf8"));

test("root documents, rotations and delegated documents", () => {
  const first = createRoot(plan(role(a, b)), [a, b]);
  const root = Metadata.fromJSON(MetadataKind.Root, json(first));
  root.verifyDelegate("root", root);

  const trusted = openTrustRoot(first);
  const second = Metadata.fromJSON(MetadataKind.Root, json(createRotation(trusted, plan(role(d)), [a, b, d])));
  root.verifyDelegate("root", second);
  second.verifyDelegate("root", second);
  const withoutOld = Metadata.fromJSON(MetadataKind.Root, json(createRotation(trusted, plan(role(d)), [a, d])));
  expect(() => root.verifyDelegate("root", withoutOld)).toThrow(/signed by 1\/2/);

  const signed = { _type: "targets", spec_version: "1.0.31", version: 3, expires: "2027-01-01T00:00:00Z", targets: {} };
  const targets = (keys: readonly (typeof a)[]) =>
    Metadata.fromJSON(MetadataKind.Targets, json(signFeed(signed, keys)));
  root.verifyDelegate("targets", targets([c]));
  expect(() => root.verifyDelegate("targets", targets([a, b, d]))).toThrow(/signed by 0\/1/);
});

test("the canonical bytes of any document are the same", () => {
  // Above U+FFFF the library sorts keys by UTF-16 unit, unlike TUF in other languages.
  const words = fc.string({ unit: "grapheme-ascii" });
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      fc.constant(null),
      fc.boolean(),
      fc.maxSafeInteger(),
      fc.string(),
      fc.string({ unit: "grapheme" }),
      tie("list"),
      tie("map"),
    ),
    list: fc.array(tie("any")),
    map: fc.dictionary(words, tie("any")),
  })).any;
  fc.assert(
    fc.property(value, (document) => {
      expect(Buffer.from(canonicalJson(document) ?? []).toString("utf8")).toBe(canonicalize(document));
    }),
  );
});
