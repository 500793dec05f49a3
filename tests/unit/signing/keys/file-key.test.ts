import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { ProblemsError } from "../../../../runtime/base/errors.ts";
import { Secret } from "../../../../runtime/base/secret.ts";
import { certificateName, parseCertificate } from "../../../../signing/cms/certificate.ts";
import { createFileSigner, type FileKeyOptions, openFileKey } from "../../../../signing/keys/file-key.ts";
import { isSignatureBy } from "../../../../signing/keys/check-signature.ts";
import { appleAuthority, fakeKey, windowsAuthority } from "../../../fakes/certificate-authority.ts";
import { scratchFolder } from "../../../support/scratch.ts";

const apple = appleAuthority();
const windows = windowsAuthority();
const NOW = new Date("2026-06-01T00:00:00Z");
const P12 = join(import.meta.dirname, "../../../fixtures/signing/modern.p12");
const PASSWORD = new Secret("correct hörse");

const text = (value: string) => ({ text: new Secret(value) });
const names = (chain: { certificates: readonly { der: Uint8Array }[] }) =>
  chain.certificates.map((it) => certificateName(parseCertificate(it.der)));

describe("the same key opens from", () => {
  const { leaf } = windows;
  const der = (value: string) => Buffer.from(value.replaceAll(/-----.*-----|\n/g, ""), "base64");
  const reversed = leaf.chain
    .map((it) => pemOf(it))
    .toReversed()
    .join("");
  test.each<[string, FileKeyOptions]>([
    ["a .p12", { key: { path: P12 }, password: PASSWORD }],
    ["a variable with base64", { key: { env: "KEY" }, password: PASSWORD, env: { KEY: readFileSync(P12, "base64") } }],
    ["a variable with a path", { key: { env: "KEY" }, password: PASSWORD, env: { KEY: P12 } }],
    ["one PEM text, key first", { key: text(leaf.keyPem + leaf.chainPem) }],
    ["one PEM text, root first, key last", { key: text(reversed + leaf.keyPem) }],
    ["two texts", { key: text(leaf.keyPem), certificates: text(reversed) }],
    [
      "certificates that another one stands among",
      { key: text(leaf.keyPem), certificates: text(windows.extendedValidation.certificatePem + reversed) },
    ],
    ["PKCS #1", { key: text(leaf.key.export({ format: "pem", type: "pkcs1" }) + leaf.chainPem) }],
    ["DER in base64", { key: text(der(leaf.keyPem).toString("base64")), certificates: text(leaf.chainPem) }],
    [
      "encrypted PEM",
      {
        key: text(
          leaf.key.export({ format: "pem", type: "pkcs8", cipher: "aes-256-cbc", passphrase: "secret" }) +
            leaf.chainPem,
        ),
        password: new Secret("secret"),
      },
    ],
    [
      "encrypted PKCS #1 on one line",
      {
        key: text(
          leaf.key
            .export({ format: "pem", type: "pkcs1", cipher: "aes-128-cbc", passphrase: "secret" })
            .replaceAll("\n", " "),
        ),
        certificates: text(leaf.chainPem),
        password: new Secret("secret"),
      },
    ],
  ])("%s", async (_, options) => {
    const { signer, chain } = await createFileSigner(options, NOW);
    expect(names(chain)).toEqual(["Erth Test Publisher", "Erth Test Code CA", "Erth Test Code Root"]);
    expect(await signer.certificates()).toEqual(chain.certificates.map((it) => it.der));
    const digest = createHash("sha384").update("x").digest();
    const request = { digestAlgorithm: "sha384", digest, hint: { file: "x", kind: "test" } } as const;
    const { signature, scheme } = await signer.signDigest(request);
    expect(scheme).toBe("rsa-pkcs1");
    expect(isSignatureBy(chain.certificates[0]!.key, { ...request, signature })).toBe(true);
    expect(isSignatureBy(chain.certificates[1]!.key, { ...request, signature })).toBe(false);
  });

  test("SEC 1 with its parameters before it, as `openssl ecparam -genkey` writes", async () => {
    const key = `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${windows.p256.key.export({ format: "pem", type: "sec1" })}`;
    const { signer, chain } = await openFileKey({ key: text(key), certificates: text(windows.p256.chainPem) });
    const digest = createHash("sha256").update("x").digest();
    const request = { digestAlgorithm: "sha256", digest, hint: { file: "x", kind: "test" } } as const;
    const one = await signer.signDigest(request);
    expect(isSignatureBy(chain.certificates[0]!.key, { ...request, signature: one.signature })).toBe(true);
    expect(await signer.signDigest(request)).toEqual(one);
  });
});

describe("what is wrong is named", () => {
  test("a key that belongs to none of the certificates: both are named", async () => {
    const options = { key: text(windows.extendedValidation.keyPem), certificates: text(windows.leaf.chainPem) };
    await expect(openFileKey(options)).rejects.toMatchObject({
      code: "KEY_MISMATCH",
      message: expect.stringMatching(
        /^The rsa key [0-9a-f]{16} of .*"Erth Test Publisher" \(public key [0-9a-f]{16}\)/,
      ),
    });
  });

  test("several identities, until one is chosen", async () => {
    const { application, installer } = apple;
    const certificates = text(application.chainPem + installer.certificatePem);
    const key = text(application.keyPem);
    await expect(openFileKey({ key, certificates })).rejects.toMatchObject({
      code: "KEY_AMBIGUOUS",
      message: expect.stringMatching(/2 identities.*Developer ID Application.*Developer ID Installer/),
    });
    const { chain } = await openFileKey({ key, certificates, select: "installer" });
    expect(names(chain)[0]).toContain("Developer ID Installer");
    const { fingerprint } = parseCertificate(application.der);
    expect(names((await openFileKey({ key, certificates, select: fingerprint })).chain)[0]).toContain("Application");
    await expect(openFileKey({ key, certificates, select: "Nobody" })).rejects.toMatchObject({ code: "KEY_AMBIGUOUS" });
  });

  test("a missing intermediate, by its name", async () => {
    const options = { key: text(windows.leaf.keyPem + windows.leaf.certificatePem) };
    const error: unknown = await createFileSigner(options, NOW).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(ProblemsError);
    expect(error).toMatchObject({
      problems: [
        {
          code: "CERTIFICATE_CHAIN_INCOMPLETE",
          message: expect.stringContaining("CN=Erth Test Code CA, O=Erth Test Trust"),
        },
      ],
    });
  });

  test("dates, on the days around them", async () => {
    const { expired, notYetValid } = apple;
    const codes = async (identity: typeof expired, now: string) =>
      createFileSigner({ key: text(identity.keyPem + identity.chainPem) }, new Date(now)).then(
        () => [],
        (error: unknown) => (error instanceof ProblemsError ? error.problems.map((it) => it.code) : [error]),
      );
    expect(await codes(expired, "2026-06-01T00:00:00Z")).toEqual(["CERTIFICATE_EXPIRED"]);
    expect(await codes(expired, "2021-01-01T00:00:01Z")).toEqual(["CERTIFICATE_EXPIRED"]);
    expect(await codes(expired, "2021-01-01T00:00:00Z")).toEqual([]);
    expect(await codes(notYetValid, "2026-06-01T00:00:00Z")).toEqual(["CERTIFICATE_NOT_YET_VALID"]);
    expect(await codes(notYetValid, "2048-01-01T00:00:00Z")).toEqual([]);
    // Everything at once: the whole chain has ended.
    expect(await codes(expired, "2060-06-01T00:00:00Z")).toEqual(
      Array.from({ length: 3 }, () => "CERTIFICATE_EXPIRED"),
    );
  });

  const { leaf } = windows;
  const encrypted = leaf.key.export({ format: "pem", type: "pkcs8", cipher: "aes-256-cbc", passphrase: "hunter2" });
  const ed25519 =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
  const sample = "-----BEGIN OPENSSH PRIVATE KEY-----\nMAA=\n-----END OPENSSH PRIVATE KEY-----\n";
  test.each<[string, FileKeyOptions, string, RegExp]>([
    [
      "a wrong password",
      { key: text(encrypted + leaf.chainPem), password: new Secret("hunter3") },
      "KEY_PASSWORD",
      /does not open/,
    ],
    ["no password", { key: text(encrypted + leaf.chainPem) }, "KEY_PASSWORD", /no password is set/],
    ["a wrong password of a .p12", { key: { path: P12 }, password: new Secret("x") }, "KEY_PASSWORD", /modern\.p12/],
    ["certificates alone", { key: text(leaf.chainPem) }, "KEY_KIND", /3 certificates and no private key/],
    ["a key alone", { key: text(leaf.keyPem) }, "KEY_NO_CERTIFICATE", /no certificate/],
    ["an SSH key", { key: text(sample) }, "KEY_KIND", /SSH key/],
    [
      "a request",
      { key: text(sample.replaceAll("OPENSSH PRIVATE KEY", "CERTIFICATE REQUEST")) },
      "KEY_KIND",
      /request/,
    ],
    ["an Ed25519 key", { key: text(ed25519 + leaf.chainPem) }, "KEY_MISMATCH", /ed25519 key/],
    ["a variable that is not set", { key: { env: "KEY" }, env: {} }, "KEY_NOT_FOUND", /KEY is not set/],
    ["an empty variable", { key: { env: "KEY" }, env: { KEY: " \n" } }, "KEY_NOT_FOUND", /KEY is empty/],
    ["a file that is not there", { key: { path: "/nowhere/key.p12" } }, "KEY_NOT_FOUND", /\/nowhere\/key\.p12.*ENOENT/],
    [
      "a variable with such a path",
      { key: { env: "KEY" }, env: { KEY: "/nowhere/key.p12" } },
      "KEY_NOT_FOUND",
      /ENOENT/,
    ],
    ["a folder", { key: { path: "/" } }, "KEY_NOT_FOUND", /EISDIR/],
  ])("%s", async (_, options, code, message) => {
    const error: unknown = await openFileKey(options).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    const shown = inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error) + JSON.stringify(options);
    for (const secret of ["hunter2", "hunter3", leaf.keyPem.slice(60, 90)]) expect(shown).not.toContain(secret);
  });

  test("a file that is no key at all, and one that is too large for one", async () => {
    const folder = await scratchFolder();
    await writeFile(join(folder, "big.pem"), Buffer.alloc(1024 * 1024 + 1));
    await writeFile(join(folder, "noise.p12"), Buffer.from([0x30, 0x82, 0x00, 0x04, 1, 2, 3, 4]));
    await expect(openFileKey({ key: { path: join(folder, "big.pem") } })).rejects.toMatchObject({
      code: "KEY_DAMAGED",
    });
    await expect(openFileKey({ key: { path: join(folder, "noise.p12") } })).rejects.toMatchObject({
      code: "KEY_DAMAGED",
    });
  });

  test("a signer prints without its key", async () => {
    const { signer } = await openFileKey({ key: text(leaf.keyPem + leaf.chainPem) });
    const { d } = fakeKey("leaf").export({ format: "jwk" });
    expect(inspect(signer, { depth: 9, showHidden: true }) + JSON.stringify(signer)).not.toContain(d!.slice(0, 20));
    expect(signer.name).toBe("the configured key text");
  });
});

function pemOf(der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString("base64")
    .replaceAll(/.{64}(?=.)/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}
