import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Secret } from "../../../../runtime/base/secret.ts";
import { crc32c } from "../../../../signing/keys/crc32c.ts";
import { GOOGLE_KMS_SCOPE, googleKmsSigner, type GoogleKmsKey } from "../../../../signing/keys/google-kms.ts";
import { googleTokens, parseServiceAccount } from "../../../../signing/keys/google-login.ts";
import type { DigestSigner } from "../../../../signing/signer.ts";
import { windowsAuthority, type Identity } from "../../../fakes/certificate-authority.ts";
import { type FakeGoogle, startGoogle } from "../../../fakes/google-kms.ts";
import {
  fakeWorld,
  status,
  type FakeWorld,
  type ServiceAnswer,
  type ServiceFault,
} from "../../../fakes/key-service.ts";
import { faultOf, signAndCheck, signRequest } from "./requests.ts";

const authority = windowsAuthority();
const KEY_VERSION = "projects/notes/locations/global/keyRings/release/cryptoKeys/code/cryptoKeyVersions/2";

let world: FakeWorld;
let google: FakeGoogle;

const restart = async (identity: Identity, digestAlgorithm: "sha256" | "sha384" | "sha512"): Promise<void> => {
  await google?.close();
  google = await startGoogle({ keyVersion: KEY_VERSION, key: identity.key, digestAlgorithm, now: () => world.now() });
};
const keyOf = (more: Partial<GoogleKmsKey> = {}): GoogleKmsKey => ({
  keyVersion: KEY_VERSION,
  tokens: googleTokens(parseServiceAccount(new Secret(google.serviceAccount)), GOOGLE_KMS_SCOPE, world),
  certificates: authority.leaf.chain,
  endpoint: google.url,
  ...more,
});
const privateKeyLines = (): readonly string[] =>
  String(JSON.parse(google.serviceAccount).private_key)
    .split("\n")
    .filter((line) => line.length === 64);
const faultFrom = (signer: DigestSigner) =>
  faultOf(signer.signDigest(signRequest("a")), [...google.tokens, ...privateKeyLines()]);
const changed = (change: (body: Record<string, unknown>) => object): ServiceFault => ({
  kind: "change",
  change: (right: ServiceAnswer) => ({ ...right, body: { ...Object(right.body), ...change(Object(right.body)) } }),
});

beforeEach(async () => {
  world = fakeWorld();
  await restart(authority.leaf, "sha256");
});
afterEach(() => google.close());

test("CRC-32C of the standard's check text", () => {
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array())).toBe(0);
});

test.each([
  ["leaf", "sha256"],
  ["leaf", "sha512"],
  ["p256", "sha256"],
  ["p384", "sha384"],
] as const)("%s signs %s; the leaf agrees", async (name, algorithm) => {
  const identity = authority[name];
  await restart(identity, algorithm);
  const signer = googleKmsSigner(keyOf({ certificates: identity.chain }), world);
  expect(signer.name).toBe("Google Cloud KMS key code/cryptoKeyVersions/2");
  expect(await signer.certificates()).toEqual(identity.chain);
  await signAndCheck(signer, identity.der, signRequest("one", algorithm));
  await signAndCheck(signer, identity.der, signRequest("two", algorithm));
  expect(google.tokens).toHaveLength(1);
});

test("what is damaged on its way is asked for again, three times", async () => {
  const damaged = [
    changed(({ signature }) => ({
      signature: String(signature).replace(/^./, (first) => (first === "A" ? "B" : "A")),
    })),
    changed(() => ({ verifiedDigestCrc32c: false })),
    changed(() => ({ signatureCrc32c: "1" })),
  ];
  google.fail(/asymmetricSign/, ...damaged.slice(0, 2));
  const signer = googleKmsSigner(keyOf(), world);
  await signAndCheck(signer, authority.leaf.der, signRequest("a"));
  google.fail(/asymmetricSign/, ...damaged);
  expect(await faultFrom(signer)).toMatchObject({ code: "KEY_ANSWER", message: expect.stringContaining("3 times") });
});

test("a token that is refused is renewed once", async () => {
  const signer = googleKmsSigner(keyOf(), world);
  await signer.signDigest(signRequest("a"));
  google.revoke();
  await signAndCheck(signer, authority.leaf.der, signRequest("a"));
  expect(google.tokens).toHaveLength(2);
  google.fail(/asymmetricSign/, status(401), status(401));
  expect(await faultFrom(signer)).toMatchObject({ code: "KEY_CREDENTIALS" });
});

test("throttling, resets and half answers pass", async () => {
  google.fail(/asymmetricSign/, status(429), { kind: "reset" }, { kind: "cut" });
  await signAndCheck(googleKmsSigner(keyOf(), world), authority.leaf.der, signRequest("a"));
  expect(world.waits).toEqual([500, 1000, 2000]);
});

test.each<[ServiceFault, string, RegExp]>([
  [status(403, { error: { status: "PERMISSION_DENIED", message: "no" } }), "KEY_PERMISSION", /cloudkms\.signer/],
  [status(403, { error: { message: "API has not been used in project 1" } }), "KEY_PERMISSION", /services enable/],
  [status(404, { error: { status: "NOT_FOUND" } }), "KEY_NOT_FOUND", /versions list/],
  [status(400, { error: { status: "FAILED_PRECONDITION" } }), "KEY_DISABLED", /versions enable/],
  [status(400, { error: { status: "INVALID_ARGUMENT" } }), "KEY_REFUSED", /RSA_SIGN_PKCS1/],
  [changed(() => ({ name: `${KEY_VERSION}0` })), "KEY_ANSWER", /./],
  [changed(() => ({ signature: undefined })), "KEY_ANSWER", /./],
  [{ kind: "text", text: "null" }, "KEY_ANSWER", /./],
])("%o is %s", async (fault, code, remedy) => {
  google.fail(/asymmetricSign/, fault);
  expect(await faultFrom(googleKmsSigner(keyOf(), world))).toMatchObject({
    code,
    remedy: expect.stringMatching(remedy),
  });
});

describe("the service account", () => {
  test("a clock that is wrong, a key that was deleted", async () => {
    const late = fakeWorld();
    late.pass(3 * 3600_000);
    const account = parseServiceAccount(new Secret(google.serviceAccount));
    const tokensOf = (it: typeof account, clock: FakeWorld) =>
      keyOf({ tokens: googleTokens(it, GOOGLE_KMS_SCOPE, clock) });
    expect(await faultFrom(googleKmsSigner(tokensOf(account, late), late))).toMatchObject({
      code: "KEY_CREDENTIALS",
      remedy: expect.stringContaining("clock"),
    });
    const other = { ...account, privateKey: authority.leaf.key };
    expect(await faultFrom(googleKmsSigner(tokensOf(other, world), world))).toMatchObject({
      code: "KEY_CREDENTIALS",
      message: "Google OAuth answered 400 invalid_grant: Invalid JWT Signature.",
    });
  });

  test.each([
    ["no JSON", () => "-----BEGIN PRIVATE KEY-----", /not JSON/],
    ["a list", () => "[]", /type is missing/],
    ["a federation file", () => '{"type":"external_account"}', /type is external_account/],
    ["without a key", () => JSON.stringify({ type: "service_account" }), /private_key is missing/],
    ["a cut key", () => google.serviceAccount.replace(/(PRIVATE KEY-----\\n.{90}).*?(\\n-----END)/, "$1$2"), /damaged/],
    ["http", () => google.serviceAccount.replace(/"http:[^"]*"/, '"http://oauth.example/token"'), /https address/],
  ])("refused: %s", async (_, json, message) => {
    const parse = async (): Promise<unknown> => parseServiceAccount(new Secret(json()));
    expect((await faultOf(parse(), privateKeyLines())).message).toMatch(message);
  });
});

test("a name that is no key version", () => {
  for (const keyVersion of [
    "code",
    KEY_VERSION.replace("/cryptoKeyVersions/2", ""),
    `${KEY_VERSION}?x`,
    `../${KEY_VERSION}`,
  ]) {
    expect(() => googleKmsSigner(keyOf({ keyVersion }), world)).toThrow(/not the name of a key version/);
  }
});
