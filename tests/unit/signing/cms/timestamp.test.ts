import { createHash } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseTimestampToken, requestTimestamp, verifyTimestampToken } from "../../../../signing/cms/timestamp.ts";
import { issue, windowsAuthority } from "../../../fakes/certificate-authority.ts";
import { oids } from "../../../../signing/cms/oids.ts";
import {
  startTimestampAuthority,
  type TimestampAuthority,
  type TimestampFault,
} from "../../../fakes/timestamp-authority.ts";

const SHA256 = createHash("sha256").update("a signature").digest();
const quick = { delaysMs: [5, 5], attemptTimeoutMs: 5000 };

let authority: TimestampAuthority;
beforeEach(async () => {
  authority = await startTimestampAuthority();
});
afterEach(() => authority.close());

const ask = (changes: Partial<Parameters<typeof requestTimestamp>[0]> = {}) =>
  requestTimestamp({ url: authority.url, sha256: SHA256, fetch, patience: quick, ...changes });

test("a token says the time, the nonce and what it is of, and carries the authority's certificate", async () => {
  const token = parseTimestampToken(await ask({ nonce: 77n }));
  expect(token.time.toISOString()).toBe("2026-06-01T12:00:00.000Z");
  expect(token.nonce).toBe(77n);
  expect(Buffer.from(token.imprint.digest).equals(SHA256)).toBe(true);
  expect(token.certificate?.fingerprint).toBe(createHash("sha256").update(authority.identity.der).digest("hex"));
  expect(authority.requests.map((it) => it.contentType)).toEqual(["application/timestamp-query"]);
});

test("each request has a nonce of its own", async () => {
  await ask();
  await ask();
  const [a, b] = authority.requests;
  expect(Buffer.compare(a!.query, b!.query)).not.toBe(0);
});

test.each<[string, TimestampFault]>([
  ["HTTP 500", { kind: "status", status: 500 }],
  ["HTTP 503", { kind: "status", status: 503 }],
  ["HTTP 429", { kind: "status", status: 429 }],
  ["a connection that breaks", { kind: "reset" }],
  ["half a reply", { kind: "truncated" }],
  ["a captive portal", { kind: "not-a-reply" }],
  ["systemFailure", { kind: "rejection", failureBit: 25, text: "try later" }],
  ["timeNotAvailable", { kind: "rejection", failureBit: 14, text: "no clock" }],
])("%s is tried again, and told after the last attempt", async (_, fault) => {
  authority.fail(fault);
  expect(verifyTimestampToken(await ask(), SHA256)).toEqual([]);
  expect(authority.requests).toHaveLength(2);
  authority.fail(fault, fault, fault);
  await expect(ask()).rejects.toMatchObject({
    code: "TIMESTAMP_UNREACHABLE",
    message: expect.stringMatching(/in 3 attempts/),
  });
  expect(authority.requests).toHaveLength(5);
});

test("a server that does not answer in time is left", async () => {
  authority.fail({ kind: "slow", delayMs: 10_000 });
  await ask({ patience: { delaysMs: [5], attemptTimeoutMs: 1500 } });
  expect(authority.requests).toHaveLength(2);
});

test.each<[string, TimestampFault, string, RegExp]>([
  ["another imprint", { kind: "wrong-imprint" }, "TIMESTAMP_INVALID", /of other data/],
  ["another nonce", { kind: "wrong-nonce" }, "TIMESTAMP_INVALID", /another request/],
  ["a broken signature", { kind: "broken-signature" }, "TIMESTAMP_INVALID", /not made by the key/],
  [
    "a certificate for other uses",
    { kind: "wrong-certificate", identity: windowsAuthority().leaf },
    "TIMESTAMP_INVALID",
    /"Erth Test Publisher" is not for timestamps/,
  ],
  [
    "a refusal",
    { kind: "rejection", failureBit: 5, text: "bad data" },
    "TIMESTAMP_REFUSED",
    /status 2, failure 5, bad data/,
  ],
  ["an empty grant", { kind: "empty" }, "DER_INVALID", /without a token/],
  ["HTTP 404", { kind: "status", status: 404 }, "TIMESTAMP_REFUSED", /HTTP 404/],
])("%s is final", async (_, fault, code, message) => {
  authority.fail(fault);
  await expect(ask()).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  expect(authority.requests).toHaveLength(1);
});

test("a token by a certificate that had ended is none", async () => {
  const usage = { extendedKeyUsages: [oids.timeStamping], isUsageCritical: true };
  const ended = {
    commonName: "Old Clock",
    key: "authority",
    serial: 9,
    notAfter: new Date("2021-01-01T00:00:00Z"),
  } as const;
  authority.fail({ kind: "wrong-certificate", identity: issue({ ...ended, ...usage }) });
  await expect(ask()).rejects.toMatchObject({
    code: "TIMESTAMP_INVALID",
    message: expect.stringMatching(/was not valid at 2026-06-01/),
  });
});

test("a server that is not there is an error that names it without its credentials", async () => {
  const { port } = new URL(authority.url);
  await authority.close();
  const url = `http://127.0.0.1:${port}/ts?token=hunter2`;
  const error: unknown = await ask({ url }).catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: "TIMESTAMP_UNREACHABLE", message: expect.stringContaining("ECONNREFUSED") });
  expect(JSON.stringify(error) + String(error)).not.toContain("hunter2");
  authority = await startTimestampAuthority();
});

test("a word that is no URL, and an abort", async () => {
  await expect(ask({ url: "timestamp.apple.com" })).rejects.toMatchObject({ code: "TIMESTAMP_URL" });
  await expect(ask({ url: "file:///etc/passwd" })).rejects.toMatchObject({ code: "TIMESTAMP_URL" });
  authority.fail({ kind: "slow", delayMs: 5000 });
  await expect(ask({ signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ name: "TimeoutError" });
});

test("each single byte of a token matters", async () => {
  const token = await ask();
  const [, root] = authority.identity.chain;
  const rootAt = Buffer.from(token).indexOf(root!);
  // RFC 5652 says 3, PKCS #7 said 1, and real authorities write both.
  const versionAt = 25;
  expect(token[versionAt]).toBe(1);
  const unnoticed: number[] = [];
  for (let at = 0; at < token.length; at++) {
    const copy = Uint8Array.from(token);
    copy[at] = (copy[at] ?? 0) ^ (1 << (at % 8));
    // Without an anchor of trust, a root that is changed as a whole is only another root.
    const isRoot = at >= rootAt && at < rootAt + root!.length;
    if (!isRoot && at !== versionAt && verifyTimestampToken(copy, SHA256).length === 0) unnoticed.push(at);
  }
  expect(unnoticed).toEqual([]);
});
