import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Secret } from "../../../../runtime/base/secret.ts";
import { awsCredentials, awsKmsSigner, type AwsKmsKey } from "../../../../signing/keys/aws-kms.ts";
import type { DigestSigner } from "../../../../signing/signer.ts";
import { startAwsKms } from "../../../fakes/aws-kms.ts";
import { windowsAuthority, type Identity } from "../../../fakes/certificate-authority.ts";
import {
  fakeWorld,
  status,
  type FakeWorld,
  type KeyService,
  type ServiceAnswer,
  type ServiceFault,
} from "../../../fakes/key-service.ts";
import { faultOf, signAndCheck, signRequest } from "./requests.ts";

const authority = windowsAuthority();
const SECRET = "wJalrXUtnFEMI/K7MDENG+secret";
const TOKEN = "FwoGZXIvYXdzE+session/token=";
const fault = (code: number, type: string, message = "no") =>
  status(code, { __type: `com.amazonaws.kms#${type}`, message });

let world: FakeWorld;
let kms: KeyService;
const closing: KeyService[] = [];

const start = async (identity: Identity): Promise<KeyService> => {
  const service = await startAwsKms({
    keyId: "alias/code",
    key: identity.key,
    region: "eu-west-1",
    accessKeyId: "AKIDTEST",
    secretAccessKey: SECRET,
    sessionToken: TOKEN,
    now: () => world.now(),
  });
  closing.push(service);
  return service;
};
const keyOf = (service: KeyService, more: Partial<AwsKmsKey> = {}): AwsKmsKey => ({
  keyId: "alias/code",
  region: "eu-west-1",
  credentials: { accessKeyId: "AKIDTEST", secretAccessKey: new Secret(SECRET), sessionToken: new Secret(TOKEN) },
  certificates: authority.leaf.chain,
  endpoint: service.url,
  ...more,
});
const faultFrom = (signer: DigestSigner) => faultOf(signer.signDigest(signRequest("a")), [SECRET, TOKEN]);

beforeEach(async () => {
  world = fakeWorld();
  kms = await start(authority.leaf);
});
afterEach(async () => {
  await Promise.all(closing.splice(0).map((service) => service.close()));
});

test("RSA signs SHA-256, SHA-384 and SHA-512; the leaf agrees", async () => {
  const signer = awsKmsSigner(keyOf(kms), world);
  expect(signer.name).toBe("AWS KMS key alias/code (eu-west-1)");
  expect(await signer.certificates()).toEqual(authority.leaf.chain);
  for (const algorithm of ["sha256", "sha384", "sha512"] as const) {
    await signAndCheck(signer, authority.leaf.der, signRequest("text", algorithm));
  }
  expect(kms.requests).toHaveLength(3);
  expect(JSON.stringify(kms.requests.map(({ path, query, body }) => [path, [...query], body]))).not.toContain(SECRET);
});

test("ECDSA on P-256 and P-384", async () => {
  for (const [identity, algorithm] of [
    [authority.p256, "sha256"],
    [authority.p384, "sha384"],
  ] as const) {
    const signer = awsKmsSigner(keyOf(await start(identity), { certificates: identity.chain }), world);
    await signAndCheck(signer, identity.der, signRequest("text", algorithm));
  }
});

test("a P-384 key is not asked to sign SHA-256, which KMS would refuse", async () => {
  const signer = awsKmsSigner(keyOf(kms, { certificates: authority.p384.chain }), world);
  expect(await faultFrom(signer)).toMatchObject({ code: "KEY_KIND", message: expect.stringContaining("P-384") });
  expect(kms.requests).toHaveLength(0);
});

test("the key of another certificate is found by its signature", async () => {
  const signer = awsKmsSigner(keyOf(kms, { certificates: authority.extendedValidation.chain }), world);
  await expect(signAndCheck(signer, authority.extendedValidation.der, signRequest("a"))).rejects.toMatchObject({
    code: "KEY_MISMATCH",
  });
});

describe("what passes is tried again", () => {
  test.each([
    ["throttling", fault(400, "ThrottlingException")],
    ["an internal error", fault(500, "KMSInternalException")],
    ["a key that is not available yet", fault(500, "KeyUnavailableException")],
    ["429", status(429)],
    ["503", status(503)],
    ["a reset connection", { kind: "reset" }],
    ["half an answer", { kind: "cut" }],
  ] as const)("%s", async (_, once) => {
    kms.fail(/./, once, once);
    await signAndCheck(awsKmsSigner(keyOf(kms), world), authority.leaf.der, signRequest("a"));
    expect(world.waits).toEqual([500, 1000]);
    expect(kms.requests).toHaveLength(3);
  });

  test("no answer at all", async () => {
    world = fakeWorld({ timeoutMs: 900, attempts: 2 });
    kms.fail(/./, { kind: "hang" });
    await signAndCheck(awsKmsSigner(keyOf(kms), world), authority.leaf.der, signRequest("a"));
    kms.fail(/./, { kind: "hang" }, { kind: "hang" });
    expect(await faultFrom(awsKmsSigner(keyOf(kms), world))).toMatchObject({
      code: "KEY_SERVICE_UNREACHABLE",
      message: `AWS KMS at ${kms.url} cannot be reached (2 attempts): no answer within 0.9 s.`,
    });
  });

  test("Retry-After in seconds or as a date is obeyed, within a minute", async () => {
    const until = new Date(world.now().getTime() + 12_000).toUTCString();
    kms.fail(
      /./,
      status(429, {}, { "retry-after": "7" }),
      status(503, {}, { "retry-after": until }),
      status(429, {}, { "retry-after": "86400" }),
    );
    await signAndCheck(awsKmsSigner(keyOf(kms), world), authority.leaf.der, signRequest("a"));
    expect(world.waits).toEqual([7000, 5000, 60_000]);
  });

  test("but not for ever", async () => {
    kms.fail(/./, ...Array.from({ length: 9 }, () => fault(400, "ThrottlingException", "Rate exceeded")));
    expect(await faultFrom(awsKmsSigner(keyOf(kms), world))).toMatchObject({
      code: "KEY_SERVICE_BUSY",
      message: "AWS KMS answered 400 ThrottlingException: Rate exceeded.",
    });
    expect(kms.requests).toHaveLength(4);
  });

  test("a cancelled wait ends at once", async () => {
    const stop = new AbortController();
    world = fakeWorld({
      signal: stop.signal,
      sleep: async () => stop.abort(new Error("stopped by the user")),
    });
    kms.fail(/./, status(503));
    await expect(awsKmsSigner(keyOf(kms), world).signDigest(signRequest("a"))).rejects.toThrow("stopped by the user");
    expect(kms.requests).toHaveLength(1);
  });
});

describe("what does not pass says so once", () => {
  test.each<[ServiceFault, string]>([
    [fault(400, "UnrecognizedClientException"), "KEY_CREDENTIALS"],
    [fault(400, "ExpiredTokenException"), "KEY_CREDENTIALS"],
    [fault(400, "InvalidSignatureException", "Signature expired: 2026"), "KEY_CREDENTIALS"],
    [fault(400, "AccessDeniedException"), "KEY_PERMISSION"],
    [status(403), "KEY_PERMISSION"],
    [fault(400, "NotFoundException"), "KEY_NOT_FOUND"],
    [fault(400, "DisabledException"), "KEY_DISABLED"],
    [fault(400, "KMSInvalidStateException"), "KEY_DISABLED"],
    [fault(400, "InvalidKeyUsageException"), "KEY_KIND"],
    [fault(400, "ValidationException"), "KEY_REFUSED"],
    [status(401), "KEY_CREDENTIALS"],
    [status(301, {}, { location: "https://elsewhere.example/" }), "KEY_REFUSED"],
    [{ kind: "text", text: "<html>Welcome to the hotel</html>" }, "KEY_ANSWER"],
    [{ kind: "text", text: "[]" }, "KEY_ANSWER"],
    [{ kind: "text", text: "" }, "KEY_ANSWER"],
    [{ kind: "text", text: "x".repeat(1_100_000) }, "KEY_ANSWER"],
    [status(200, {}), "KEY_ANSWER"],
    [
      { kind: "change", change: (right) => ({ ...right, body: { ...Object(right.body), Signature: "!" } }) },
      "KEY_ANSWER",
    ],
    [
      {
        kind: "change",
        change: (right) => ({ ...right, body: { ...Object(right.body), SigningAlgorithm: "RSASSA_PSS_SHA_256" } }),
      },
      "KEY_ANSWER",
    ],
  ])("%o is %s", async (once, code) => {
    kms.fail(/./, once);
    expect(await faultFrom(awsKmsSigner(keyOf(kms), world))).toMatchObject({ code });
    expect(kms.requests).toHaveLength(1);
  });

  test("a changed signature does not pass the leaf", async () => {
    const change = (right: ServiceAnswer): ServiceAnswer => {
      const body: Record<string, unknown> = Object(right.body);
      const bytes = Buffer.from(String(body["Signature"]), "base64");
      bytes[9] = (bytes[9] ?? 0) ^ 1;
      return { ...right, body: { ...body, Signature: bytes.toString("base64") } };
    };
    kms.fail(/./, { kind: "change", change });
    await expect(
      signAndCheck(awsKmsSigner(keyOf(kms), world), authority.leaf.der, signRequest("a")),
    ).rejects.toMatchObject({ code: "KEY_MISMATCH" });
  });

  test("the service's own words, without what it repeats of our secrets", async () => {
    const wrong = { accessKeyId: "AKIDTEST", secretAccessKey: new Secret("another"), sessionToken: new Secret(TOKEN) };
    expect(await faultFrom(awsKmsSigner(keyOf(kms, { credentials: wrong }), world))).toMatchObject({
      code: "KEY_CREDENTIALS",
      message: expect.stringContaining("x-amz-security-token:[secret]"),
    });
  });

  test("a clock that is wrong", async () => {
    const late = fakeWorld();
    late.pass(20 * 60_000);
    expect(await faultFrom(awsKmsSigner(keyOf(kms), late))).toMatchObject({
      code: "KEY_CREDENTIALS",
      remedy: expect.stringContaining("clock"),
    });
  });

  test("a port where nobody listens, and a name that nobody has", async () => {
    await kms.close();
    expect(await faultFrom(awsKmsSigner(keyOf(kms), world))).toMatchObject({
      code: "KEY_SERVICE_UNREACHABLE",
      message: expect.stringContaining("ECONNREFUSED"),
    });
    const lost = Object.assign(new Error("getaddrinfo ENOTFOUND kms"), { code: "ENOTFOUND" });
    const dark = fakeWorld({ fetch: () => Promise.reject(new TypeError("fetch failed", { cause: lost })) });
    expect(await faultFrom(awsKmsSigner(keyOf(kms), dark))).toMatchObject({
      message: expect.stringContaining("(1 attempt): getaddrinfo ENOTFOUND kms."),
    });
  });
});

test("bad settings are found before anything is asked", async () => {
  expect(() => awsKmsSigner(keyOf(kms, { region: "Frankfurt!" }), world)).toThrow(/not an AWS region/);
  expect(() => awsKmsSigner(keyOf(kms, { endpoint: "http://kms.example" }), world)).toThrow(/not an https address/);
  expect(() => awsKmsSigner(keyOf(kms, { endpoint: "https://user:hunter2@kms.example" }), world)).toThrow(
    expect.objectContaining({ code: "KEY_CONFIG", message: expect.not.stringContaining("hunter2") }),
  );
  expect(() => awsKmsSigner(keyOf(kms, { certificates: [] }), world)).toThrow(/without a certificate/);
  await expect(
    awsKmsSigner(keyOf(kms), world).signDigest({ ...signRequest("a"), digest: new Uint8Array(20) }),
  ).rejects.toThrow(TypeError);
});

test("credentials come from the environment, and all that is missing is named", () => {
  const found = awsCredentials({ AWS_ACCESS_KEY_ID: "AKID", AWS_SECRET_ACCESS_KEY: "s\n", AWS_SESSION_TOKEN: "t" });
  expect(found.secretAccessKey.reveal()).toBe("s");
  expect(found.sessionToken?.reveal()).toBe("t");
  expect(JSON.stringify(found)).toBe('{"accessKeyId":"AKID","secretAccessKey":"[secret]","sessionToken":"[secret]"}');
  expect(() => awsCredentials({})).toThrow("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set");
  expect(() => awsCredentials({ AWS_ACCESS_KEY_ID: "AKID" })).toThrow("AWS_SECRET_ACCESS_KEY is not set");
});
