import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import * as fc from "fast-check";
import { jwtVerify } from "jose";
import { expect, test } from "vitest";
import { ErthError, ProblemsError } from "../../../../../runtime/base/errors.ts";
import { Secret } from "../../../../../runtime/base/secret.ts";
import {
  type NotaryCredentialOptions,
  requireApiKey,
  resolveNotaryCredentials,
} from "../../../../../signing/apple/notary/credentials.ts";
import { mintToken } from "../../../../../signing/apple/notary/jwt.ts";
import { notarizeNatively } from "../../../../../signing/apple/notary/native.ts";
import { scratchFolder } from "../../../../support/scratch.ts";

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const PEM = privateKey.export({ format: "pem", type: "pkcs8" });
const BODY = PEM.split("\n")[1] ?? "";
const ids = { appleApiKeyId: "T9GPZ92M7K", appleApiIssuer: "c055ca8c-e5a8-4836-b61d-aa5794eeb3f4" };

async function problemsOf(options: NotaryCredentialOptions) {
  const error = await resolveNotaryCredentials(options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ProblemsError);
  const printed = inspect(error, { depth: 10 }) + JSON.stringify(error);
  for (const part of [BODY, BODY.slice(0, 30), BODY.slice(-30)]) expect(printed).not.toContain(part);
  return (error as ProblemsError).problems;
}

test("a key comes as a file, as text or as base64", async () => {
  const folder = await scratchFolder();
  const path = join(folder, "AuthKey_T9GPZ92M7K.p8");
  await writeFile(path, PEM);
  const forms = [path, PEM, new Secret(PEM), new Secret(Buffer.from(PEM).toString("base64"))];
  for (const appleApiKey of forms) {
    const credentials = requireApiKey(await resolveNotaryCredentials({ ...ids, appleApiKey }));
    expect(credentials).toMatchObject({ kind: "api-key", keyId: "T9GPZ92M7K", warnings: [] });
    expect(credentials.keyPath).toBe(appleApiKey === path ? path : undefined);
  }
});

test.each([
  ["cut off", PEM.slice(0, 120)],
  ["cut inside base64", Buffer.from(PEM).toString("base64").slice(0, 101)],
  ["a CI mask", "***"],
  ["empty lines", "\n\n"],
  ["a variable's name", "${APPLE_API_KEY}"],
  [
    "another kind of key",
    generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey.export({ format: "pem", type: "pkcs8" }),
  ],
  ["RSA", generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "pem", type: "pkcs8" })],
  ["a public key", publicKey.export({ format: "pem", type: "spki" })],
])("a damaged key is named, never shown: %s", async (_, text) => {
  const problems = await problemsOf({ ...ids, appleApiKey: new Secret(text) });
  expect(problems).toMatchObject([{ code: "KEY_DAMAGED", remedy: expect.stringContaining("erth doctor signing") }]);
});

test.each([
  ["literal \\n", PEM.replaceAll("\n", "\\n")],
  ["blanks for line ends", PEM.replaceAll("\n", " ")],
  ["Windows line ends and quotes", `"${PEM.replaceAll("\n", "\r\n")}"`],
])("a key whose damage has one meaning is mended: %s", async (_, text) => {
  const credentials = requireApiKey(await resolveNotaryCredentials({ ...ids, appleApiKey: new Secret(text) }));
  expect(credentials.privateKey.equals(privateKey)).toBe(true);
  expect(credentials.warnings).not.toEqual([]);
});

test("no damage ends in anything but a key or its name", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(PEM.length - 1), fc.nat(20), fc.string({ maxLength: 4 }), async (at, cut, put) => {
      const appleApiKey = new Secret(PEM.slice(0, at) + put + PEM.slice(at + cut));
      try {
        await resolveNotaryCredentials({ ...ids, appleApiKey });
      } catch (error) {
        expect(error).toBeInstanceOf(ErthError);
        expect(String(error)).not.toContain(BODY.slice(5, 30));
      }
    }),
    { numRuns: 150 },
  );
});

test("all that is wrong is told at once", async () => {
  const problems = await problemsOf({
    appleApiKey: "/nowhere/AuthKey_T9GPZ92M7K.p8",
    appleApiKeyId: BODY,
    appleApiIssuer: "me",
  });
  expect(problems.map(({ code }) => code)).toEqual(["NOTARY_KEY_ID", "NOTARY_ISSUER", "KEY_NOT_FOUND"]);
  expect(await problemsOf({})).toMatchObject([
    { message: expect.stringContaining("appleApiKey.") },
    { message: expect.stringContaining("appleApiKeyId.") },
  ]);
});

test("a key file of another ID is noticed", async () => {
  const path = join(await scratchFolder(), "AuthKey_AAAAAAAAAA.p8");
  await writeFile(path, PEM);
  expect(await problemsOf({ ...ids, appleApiKey: path })).toMatchObject([
    { code: "NOTARY_KEY_ID", remedy: expect.stringContaining("set appleApiKeyId to AAAAAAAAAA") },
  ]);
});

test("Apple ID and keychain work natively only, and no two kinds mix", async () => {
  const password = await resolveNotaryCredentials({
    appleId: "a@example.org",
    appleIdPassword: new Secret("abcd-efgh-ijkl-mnop"),
    teamId: "ERTH123456",
  });
  const keychain = await resolveNotaryCredentials({ keychainProfile: "notary" });
  for (const credentials of [password, keychain]) {
    expect(() => requireApiKey(credentials)).toThrow(expect.objectContaining({ code: "NOTARY_CREDENTIALS_NATIVE" }));
  }
  expect(await problemsOf({ ...ids, appleApiKey: PEM, keychainProfile: "notary" })).toMatchObject([
    { message: expect.stringContaining("more than one kind") },
  ]);
  expect(await problemsOf({ appleId: "a@example.org" })).toHaveLength(2);
  expect(await problemsOf({ keychain: "login" })).toHaveLength(1);
});

test("a token is valid for ten minutes and verifies elsewhere", async () => {
  const credentials = requireApiKey(await resolveNotaryCredentials({ ...ids, appleApiKey: PEM }));
  const now = new Date("2026-06-01T12:00:00.900Z");
  const { payload, protectedHeader } = await jwtVerify(mintToken(credentials, now), publicKey, { currentDate: now });
  expect(protectedHeader).toEqual({ alg: "ES256", kid: "T9GPZ92M7K", typ: "JWT" });
  expect(payload).toEqual({ iss: ids.appleApiIssuer, iat: 1780315200, exp: 1780315800, aud: "appstoreconnect-v1" });
  await expect(
    jwtVerify(mintToken(credentials, now), publicKey, { currentDate: new Date("2026-06-01T12:11:00Z") }),
  ).rejects.toThrow("exp");
});

test("the native path hands each strategy over whole, and only on a Mac", async () => {
  const path = join(await scratchFolder(), "AuthKey_T9GPZ92M7K.p8");
  await writeFile(path, PEM);
  const asked: unknown[] = [];
  const native = {
    path: "/Notes.app",
    platform: "darwin",
    load: () => Promise.resolve((options: unknown) => Promise.resolve(void asked.push(options))),
  } as const;
  await notarizeNatively({ ...native, credentials: await resolveNotaryCredentials({ ...ids, appleApiKey: path }) });
  await notarizeNatively({
    ...native,
    credentials: await resolveNotaryCredentials({ keychainProfile: "p", keychain: "k" }),
    notarytoolPath: "/nt",
  });
  expect(asked).toEqual([
    { appPath: "/Notes.app", appleApiKey: path, ...ids },
    { appPath: "/Notes.app", notarytoolPath: "/nt", keychainProfile: "p", keychain: "k" },
  ]);
  const inText = await resolveNotaryCredentials({ ...ids, appleApiKey: PEM });
  await expect(notarizeNatively({ ...native, credentials: inText })).rejects.toMatchObject({
    code: "NOTARY_CREDENTIALS_NATIVE",
  });
  await expect(notarizeNatively({ ...native, platform: "linux", credentials: inText })).rejects.toMatchObject({
    code: "NOTARY_NATIVE_HOST",
  });
});

test("the package behind the native path is there under the name that is imported", async () => {
  const { notarize } = await import("@electron/notarize");
  expect(notarize).toBeTypeOf("function");
});

test("what notarytool prints is told without the password", async () => {
  const credentials = await resolveNotaryCredentials({
    appleId: "a@example.org",
    appleIdPassword: new Secret("abcd-efgh-ijkl-mnop"),
    teamId: "ERTH123456",
  });
  const load = () =>
    Promise.resolve(() => Promise.reject(new Error("failed: --password abcd-efgh-ijkl-mnop\u001b[31m bad")));
  const error: unknown = await notarizeNatively({ path: "/x", platform: "darwin", load, credentials }).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({
    code: "NOTARY_NATIVE",
    message: "notarytool failed: failed: --password [secret] [31m bad",
  });
  expect(inspect(error, { depth: 10 })).not.toContain("abcd-efgh");
});
