import { sign } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ErthError } from "../../../../runtime/base/errors.ts";
import { canonicalJson, type JsonObject } from "../../../../runtime/updater/canonical-json.ts";
import { openTrustRoot, rotateTrustRoot, verifyFeed } from "../../../../runtime/updater/trust-root.ts";
import { checkExpiry, feedKeyId, parseEnvelope, verifyEnvelope } from "../../../../runtime/updater/verify.ts";
import { addFeedSignatures, generateFeedKey, signFeed } from "../../../../signing/feed/ed25519.ts";
import { createRoot, createRotation } from "../../../../signing/feed/trust-root.ts";

const [a, b, c, d] = Array.from({ length: 4 }, generateFeedKey) as [
  ReturnType<typeof generateFeedKey>,
  ReturnType<typeof generateFeedKey>,
  ReturnType<typeof generateFeedKey>,
  ReturnType<typeof generateFeedKey>,
];
const keys = Object.fromEntries([a, b, c].map(({ keyId, publicKey }) => [keyId, publicKey]));
const twoOfThree = { keyids: [a.keyId, b.keyId, c.keyId], threshold: 2 };
const FEED: JsonObject = {
  _type: "feed",
  version: 7,
  name: 'Notes "β" \\ 日本\n',
  files: [{ bytes: 12, ok: true, none: null }],
};
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
const bytesOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const verify = (bytes: Uint8Array, role = twoOfThree, trusted = keys): unknown =>
  verifyEnvelope(parseEnvelope(bytes, "the feed"), role, trusted, "the feed");
const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof ErthError) return error.code;
    throw error;
  }
  return "none";
};

describe("threshold", () => {
  test("two of three are enough, one is not", () => {
    expect(verify(signFeed(FEED, [a, c]))).toEqual(FEED);
    expect(verify(signFeed(FEED, [a, b, c]))).toEqual(FEED);
    expect(() => verify(signFeed(FEED, [a]))).toThrow("the feed is signed by 1 of the 2 trusted keys that it needs");
    expect(codeOf(() => verify(signFeed(FEED, [a, d])))).toBe("FEED_SIGNATURE");
    expect(codeOf(() => verify(signFeed(FEED, [])))).toBe("FEED_SIGNATURE");
  });

  test("signatures are added by people apart, and one replaces its older self", () => {
    const first = signFeed(FEED, [a]);
    const second = addFeedSignatures(first, [b], "the feed");
    expect(verify(second)).toEqual(FEED);
    expect(text(addFeedSignatures(second, [a, b], "the feed"))).toBe(text(second));
  });

  test("one key never counts twice", () => {
    const { signed, signatures } = JSON.parse(text(signFeed(FEED, [a])));
    const repeated = [...signatures, ...signatures, { ...signatures[0] }];
    expect(codeOf(() => verify(bytesOf({ signed, signatures: repeated })))).toBe("FEED_SIGNATURE");
    // The same key again under an id that is not its own.
    const alias = "f".repeat(64);
    const aliased = [...signatures, { ...signatures[0], keyid: alias }];
    const role = { keyids: [a.keyId, alias], threshold: 2 };
    expect(
      codeOf(() => verify(bytesOf({ signed, signatures: aliased }), role, { ...keys, [alias]: a.publicKey })),
    ).toBe("FEED_SIGNATURE");
  });

  test("malformed, unknown and wrong signatures do not strand a client", () => {
    const { signed, signatures } = JSON.parse(text(signFeed(FEED, [a, b])));
    const rubbish = [
      null,
      7,
      "x",
      {},
      { keyid: c.keyId },
      { keyid: c.keyId, sig: "zz" },
      { keyid: c.keyId, sig: "0".repeat(128) },
      { keyid: "__proto__", sig: "0".repeat(128) },
    ];
    expect(verify(bytesOf({ signed, signatures: [...rubbish, ...signatures, ...rubbish] }))).toEqual(FEED);
  });

  test("a role without a sensible threshold is never satisfied", () => {
    for (const threshold of [0, -1, 0.5, Number.NaN, Infinity]) {
      expect(codeOf(() => verify(signFeed(FEED, [a, b, c]), { ...twoOfThree, threshold }))).toBe("FEED_SIGNATURE");
    }
  });
});

describe("attacks", () => {
  test("every changed byte of document, key id or signature is refused", () => {
    const good = signFeed(FEED, [a, b]);
    const white = new Set(Buffer.from(" \n"));
    for (const at of good.keys()) {
      if (white.has(good[at] ?? 0)) continue;
      for (const flip of [1, 0x20]) {
        const changed = Uint8Array.from(good);
        changed[at] = (changed[at] ?? 0) ^ flip;
        expect(
          codeOf(() => verify(changed)),
          `byte ${at} ^ ${flip}`,
        ).toMatch(/^FEED_(SIGNATURE|UNREADABLE)$/);
      }
    }
  });

  test("cut off anywhere it is refused", () => {
    const good = signFeed(FEED, [a, b]);
    for (let length = 0; length < good.length - 1; length += 1) {
      expect(
        codeOf(() => verify(good.subarray(0, length))),
        `${length}`,
      ).toBe("FEED_UNREADABLE");
    }
  });

  test("every changed character of a public key is refused", () => {
    const good = signFeed(FEED, [a, b]);
    const { public: point } = a.publicKey.keyval;
    for (let at = 0; at < point.length; at += 1) {
      const other = point.slice(0, at) + (point[at] === "0" ? "1" : "0") + point.slice(at + 1);
      const wrong = { ...a.publicKey, keyval: { public: other } };
      // Under the old id, and under its own.
      expect(codeOf(() => verify(good, twoOfThree, { ...keys, [a.keyId]: wrong }))).toBe("FEED_SIGNATURE");
      const role = { ...twoOfThree, keyids: [feedKeyId(wrong), b.keyId] };
      expect(codeOf(() => verify(good, role, { ...keys, [feedKeyId(wrong)]: wrong }))).toBe("FEED_SIGNATURE");
    }
  });

  test("other signatures over the same bytes: malleated, of another document", () => {
    const { signed, signatures } = JSON.parse(text(signFeed(FEED, [a, b])));
    // S + L is the same point (RFC 8032 §5.1.7 forbids it).
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const raw = Buffer.from(signatures[0].sig, "hex");
    const s = BigInt(`0x${Buffer.from(raw.subarray(32)).reverse().toString("hex")}`) + order;
    const larger = Buffer.from(s.toString(16).padStart(64, "0"), "hex").reverse();
    const sig = Buffer.concat([raw.subarray(0, 32), larger]).toString("hex");
    const malleated = [{ ...signatures[0], sig }, signatures[1]];
    expect(codeOf(() => verify(bytesOf({ signed, signatures: malleated })))).toBe("FEED_SIGNATURE");
    const other = JSON.parse(text(signFeed({ ...FEED, version: 6 }, [a, b])));
    expect(codeOf(() => verify(bytesOf({ signed, signatures: other.signatures })))).toBe("FEED_SIGNATURE");
  });

  test("what has no canonical form is unreadable", () => {
    const unreadable = [
      "[]",
      "null",
      '{"signed":{},"signatures":{}}',
      '{"signed":[],"signatures":[]}',
      '{"signed":{"a":0.5},"signatures":[]}',
      '{"signed":{"a":9007199254740993},"signatures":[]}',
      '{"signed":{"a":"\\ud800"},"signatures":[]}',
      `{"signed":{"a":${"[".repeat(100)}${"]".repeat(100)}},"signatures":[]}`,
      `{"signed":{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}},"signatures":[]}`,
      `{"signed":{},"signatures":[${"0,".repeat(64)}0]}`,
    ];
    for (const one of unreadable)
      expect(
        codeOf(() => verify(Buffer.from(one))),
        one.slice(0, 60),
      ).toBe("FEED_UNREADABLE");
    expect(codeOf(() => verify(Buffer.from([0x7b, 0xff, 0x7d])))).toBe("FEED_UNREADABLE");
    expect(codeOf(() => verify(new Uint8Array(4 * 1024 * 1024 + 1)))).toBe("FEED_UNREADABLE");
  });

  test("noise is refused with an error of ours", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        expect(codeOf(() => verify(noise))).toBe("FEED_UNREADABLE");
      }),
    );
    fc.assert(
      fc.property(fc.json(), fc.json(), (signed, signatures) => {
        const bytes = Buffer.from(`{"signed":${signed},"signatures":${signatures}}`);
        expect(codeOf(() => verify(bytes))).toMatch(/^FEED_/);
      }),
    );
  });
});

describe("the root document", () => {
  const expires = new Date("2027-01-01T00:00:00Z");
  const role = (holders: readonly { publicKey: typeof a.publicKey }[], threshold = 1) => ({
    keys: holders.map(({ publicKey }) => publicKey),
    threshold,
  });
  const plan = { expires, roles: { root: role([a, b], 2), feed: role([c]) } };
  const first = createRoot(plan, [a, b]);
  const trusted = openTrustRoot(first);

  test("says who may sign what", () => {
    expect(verifyFeed(signFeed(FEED, [c]), trusted, "feed", "the feed")).toEqual(FEED);
    expect(codeOf(() => verifyFeed(signFeed(FEED, [a, b]), trusted, "feed", "the feed"))).toBe("FEED_SIGNATURE");
    for (const name of ["other", "toString", "__proto__"]) {
      expect(codeOf(() => verifyFeed(signFeed(FEED, [c]), trusted, name, "the feed"))).toBe("FEED_UNREADABLE");
    }
    expect(codeOf(() => openTrustRoot(createRoot(plan, [a])))).toBe("FEED_SIGNATURE");
    expect(codeOf(() => openTrustRoot(signFeed(FEED, [a, b])))).toBe("FEED_UNREADABLE");
  });

  test("rotates when old and new keys agree", () => {
    const next = { expires, roles: { root: role([b, d], 2), feed: role([d]) } };
    const rotation = createRotation(trusted, next, [a, b, d]);
    const rotated = rotateTrustRoot(trusted, rotation);
    expect(rotated.version).toBe(2);
    expect(verifyFeed(signFeed(FEED, [d]), rotated, "feed", "the feed")).toEqual(FEED);
    expect(codeOf(() => verifyFeed(signFeed(FEED, [c]), rotated, "feed", "the feed"))).toBe("FEED_SIGNATURE");
    // Old keys alone, new keys alone.
    expect(codeOf(() => rotateTrustRoot(trusted, createRotation(trusted, next, [a, b])))).toBe("FEED_SIGNATURE");
    expect(codeOf(() => rotateTrustRoot(trusted, createRotation(trusted, next, [b, d])))).toBe("FEED_SIGNATURE");
    // A step back, the same again, a step too far.
    expect(codeOf(() => rotateTrustRoot(rotated, createRoot(next, [b, d])))).toBe("FEED_ROTATION");
    expect(codeOf(() => rotateTrustRoot(rotated, rotation))).toBe("FEED_ROTATION");
    const far = createRotation({ ...trusted, version: 5 }, next, [a, b, d]);
    expect(codeOf(() => rotateTrustRoot(trusted, far))).toBe("FEED_ROTATION");
  });

  test("every changed byte is refused", () => {
    for (const at of first.keys()) {
      if (first[at] === 0x20 || first[at] === 0x0a) continue;
      const changed = Uint8Array.from(first);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(
        codeOf(() => openTrustRoot(changed)),
        `byte ${at}`,
      ).toMatch(/^FEED_(SIGNATURE|UNREADABLE)$/);
    }
  });

  test("a wrong shape is unreadable, a kind of key that comes later is not", () => {
    const { signed } = JSON.parse(text(first));
    const resign = (changed: JsonObject) => signFeed(changed, [a, b]);
    const bad: JsonObject[] = [
      { ...signed, _type: "timestamp" },
      { ...signed, version: 0 },
      { ...signed, version: "1" },
      { ...signed, roles: {} },
      { ...signed, roles: { root: { keyids: [a.keyId, a.keyId], threshold: 2 } } },
      { ...signed, roles: { root: { keyids: [a.keyId], threshold: 2 } } },
      { ...signed, roles: { root: { keyids: [a.keyId], threshold: 0 } } },
      { ...signed, keys: { ...signed.keys, ["0".repeat(64)]: d.publicKey } },
      { ...signed, keys: [] },
    ];
    for (const one of bad)
      expect(
        codeOf(() => openTrustRoot(resign(one))),
        JSON.stringify(one),
      ).toBe("FEED_UNREADABLE");
    const later = { keytype: "ml-dsa", scheme: "ml-dsa-65", keyval: { public: "00" } };
    expect(openTrustRoot(resign({ ...signed, keys: { ...signed.keys, later } })).version).toBe(1);
  });
});

test("expiry is judged by the clock that is given", () => {
  const at = (time: string) => () => checkExpiry({ expires: "2027-01-01T00:00:00Z" }, new Date(time), "the feed");
  expect(codeOf(at("2026-12-31T23:59:59Z"))).toBe("none");
  expect(codeOf(at("2027-01-01T00:00:00Z"))).toBe("FEED_EXPIRED");
  for (const expires of [undefined, 7, "", "2027-01-01", "2027-13-01T00:00:00Z", "tomorrow"]) {
    expect(codeOf(() => checkExpiry({ expires }, new Date(0), "the feed"))).toBe("FEED_UNREADABLE");
  }
});

test("canonical JSON: examples of its rules", () => {
  const canonical = (value: unknown) => {
    const bytes = canonicalJson(value);
    return bytes === undefined ? undefined : text(bytes);
  };
  expect(canonical({ b: [1, -0, null], a: 'q"\\/\n', "": true })).toBe('{"":true,"a":"q\\"\\\\/\n","b":[1,0,null]}');
  // Code points, not UTF-16 units.
  expect(canonical({ "\u{10000}": 1, "\uffff": 2 })).toBe('{"\uffff":2,"\u{10000}":1}');
  for (const none of [0.1, Number.NaN, 2 ** 53, undefined, 1n, "\udc00", { "\ud800": 1 }, [undefined], () => 1]) {
    expect(canonical(none)).toBeUndefined();
  }
});

test("the signature is plain Ed25519 over the canonical bytes", () => {
  const { signatures } = JSON.parse(text(signFeed(FEED, [a])));
  expect(signatures).toEqual([
    { keyid: a.keyId, sig: sign(null, canonicalJson(FEED) ?? new Uint8Array(), a.privateKey).toString("hex") },
  ]);
});
