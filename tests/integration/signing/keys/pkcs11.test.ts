import { importPkcs11js } from "../../../../signing/keys/pkcs11-library.ts";
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ErthError } from "../../../../runtime/base/errors.ts";
import { Secret } from "../../../../runtime/base/secret.ts";
import { parseCertificate } from "../../../../signing/cms/certificate.ts";
import { checkSignature } from "../../../../signing/keys/check-signature.ts";
import { loadPkcs11Library } from "../../../../signing/keys/pkcs11-module.ts";
import { openPkcs11Signer, type Pkcs11Key } from "../../../../signing/keys/pkcs11.ts";
import type { SignRequest } from "../../../../signing/signer.ts";
import { openCodeKey } from "../../../../build/keys/open-code-key.ts";
import { windowsAuthority } from "../../../fakes/certificate-authority.ts";
import { fakeKeyWorld } from "../../../fakes/key-world.ts";
import { makeTokens, softHsmModule, TOKEN_PIN } from "../../../fakes/softhsm.ts";

const authority = windowsAuthority();
const hasLibrary = await importPkcs11js().then(
  () => true,
  () => false,
);
const PIN = new Secret(TOKEN_PIN);
const module = softHsmModule ?? "";

const request = (text: string): SignRequest => ({
  digestAlgorithm: "sha256",
  digest: createHash("sha256").update(text).digest(),
  hint: { file: "Notes.exe", kind: "test" },
});
const key = (more: Partial<Pkcs11Key>): Pkcs11Key => ({
  module,
  token: "release",
  pin: PIN,
  certificates: [],
  ...more,
});
const faultOf = async (work: Promise<unknown>): Promise<ErthError> => {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ErthError)) throw new Error(`expected an ErthError, got ${String(error)}`);
  expect(`${error.message} ${error.remedy} ${error.stack}`).not.toContain(TOKEN_PIN);
  return error;
};

describe.skipIf(softHsmModule === undefined || !hasLibrary)("PKCS #11 (softhsm2, opensc, pkcs11js)", () => {
  let folder = "";

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "erth-hsm-"));
    await makeTokens(folder, {
      release: [
        { label: "code signing", id: "01", keyPem: authority.leaf.keyPem, certificates: authority.leaf.chain },
        { label: "small", id: "02", keyPem: authority.p256.keyPem, certificates: [authority.p256.der] },
        { label: "large", id: "03", keyPem: authority.p384.keyPem, certificates: [authority.p384.der] },
        { label: "bare", id: "04", keyPem: authority.extendedValidation.keyPem },
      ],
      single: [{ label: "only", id: "0a", keyPem: authority.leaf.keyPem }],
    });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.each([
    ["code signing", "rsa-pkcs1", authority.leaf],
    ["small", "ecdsa-der", authority.p256],
    ["large", "ecdsa-der", authority.p384],
  ] as const)("the key %s signs with %s, and its leaf agrees", async (label, scheme, identity) => {
    const signer = await openPkcs11Signer(key({ key: label }));
    const [leaf, ...issuers] = (await signer.certificates()) ?? [];
    expect(leaf).toEqual(identity.der);
    expect(issuers).toEqual(identity.chain.slice(1));
    for (const digestAlgorithm of ["sha256", "sha384", "sha512"] as const) {
      const digest = createHash(digestAlgorithm).update(label).digest();
      const wanted: SignRequest = { ...request(label), digestAlgorithm, digest };
      const answer = await signer.signDigest(wanted);
      expect(answer.scheme).toBe(scheme);
      checkSignature({ ...wanted, ...answer, keyName: signer.name, leaf: parseCertificate(identity.der) });
    }
    await signer.close();
  });

  test("the URI of a config and the PIN of a variable open the same key", async () => {
    const reference = {
      field: "signing.windows.key",
      place: { kind: "pkcs11", uri: `pkcs11:token=release;object=code%20signing?module-path=${module}` } as const,
      passwordVariable: "PIN",
      certificates: undefined,
      select: undefined,
    };
    const opened = await openCodeKey(reference, fakeKeyWorld({ PIN: TOKEN_PIN }));
    expect(opened.chain?.certificates.map(({ der }) => der)).toEqual(authority.leaf.chain);
    await opened.close();
    const refused = await faultOf(openCodeKey(reference, fakeKeyWorld({ PIN: "0000" })));
    expect([refused.code, refused.message]).toEqual(["KEY_PIN", expect.stringMatching(/^signing\.windows\.key: /)]);
  });

  test("many files at once are signed in turn, by two signers on one module", async () => {
    const signers = [await openPkcs11Signer(key({ key: "01" })), await openPkcs11Signer(key({ key: "02" }))];
    const leaves = [authority.leaf, authority.p256].map(({ der }) => parseCertificate(der));
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const signer = signers[index % 2]!;
        const wanted = request(`file ${index}`);
        const answer = await signer.signDigest(wanted);
        checkSignature({ ...wanted, ...answer, keyName: signer.name, leaf: leaves[index % 2]! });
      }),
    );
    await signers[0]!.close();
    await expect(signers[1]!.signDigest(request("still open"))).resolves.toMatchObject({ scheme: "ecdsa-der" });
    await signers[1]!.close();
    // After the last one the module starts afresh.
    const again = await openPkcs11Signer(key({ key: "01" }));
    await again.close();
  });

  test("a certificate that the token lacks comes from the config; the only key needs no name", async () => {
    const signer = await openPkcs11Signer(key({ token: "single", certificates: authority.leaf.chain }));
    expect(signer.name).toBe('PKCS #11 token single, key "only"');
    expect(await signer.certificates()).toEqual(authority.leaf.chain);
    await signer.close();
  });

  test("a signature by the key of another certificate is found", async () => {
    const signer = await openPkcs11Signer(key({ key: "bare", certificates: authority.leaf.chain }));
    const wanted = request("mismatch");
    const answer = await signer.signDigest(wanted);
    const leaf = parseCertificate(authority.leaf.der);
    expect(() => checkSignature({ ...wanted, ...answer, keyName: signer.name, leaf })).toThrow(/does not fit/);
    await signer.close();
  });

  test("no certificate anywhere, or one of another kind", async () => {
    expect(await faultOf(openPkcs11Signer(key({ key: "bare" })))).toMatchObject({ code: "KEY_NO_CERTIFICATE" });
    const wrong = openPkcs11Signer(key({ key: "bare", certificates: authority.p256.chain }));
    expect(await faultOf(wrong)).toMatchObject({
      code: "KEY_MISMATCH",
      message: 'the key "bare" of PKCS #11 token release is RSA, its certificate is for EC.',
    });
  });

  test("what is not there is named with what is", async () => {
    expect(await faultOf(openPkcs11Signer(key({ token: "missing" })))).toMatchObject({
      code: "KEY_TOKEN",
      message: expect.stringMatching(/^no token named "missing" found; present: .*"release" \(serial [0-9a-f]+\)/),
    });
    expect(await faultOf(openPkcs11Signer({ module, pin: PIN, certificates: [] }))).toMatchObject({
      code: "KEY_TOKEN",
      message: expect.stringMatching(/^2 tokens found/),
    });
    expect(await faultOf(openPkcs11Signer(key({ key: "missing" })))).toMatchObject({
      code: "KEY_NOT_FOUND",
      message: expect.stringContaining('"code signing" (id 01)'),
    });
    expect(await faultOf(openPkcs11Signer(key({})))).toMatchObject({ code: "KEY_AMBIGUOUS" });
  });

  test("a wrong PIN, and none, are refused at once and not repeated", async () => {
    const wrong = await faultOf(openPkcs11Signer(key({ token: "single", pin: new Secret("000000") })));
    expect(wrong).toMatchObject({
      code: "KEY_PIN",
      message: expect.stringContaining("refuses the PIN (CKR_PIN_INCORRECT)"),
    });
    const { pin: _, ...without } = key({ token: "single" });
    expect(await faultOf(openPkcs11Signer(without))).toMatchObject({ code: "KEY_PIN" });
  });
});

test.skipIf(!hasLibrary)("a module that is not there (pkcs11js)", async () => {
  const noModule = await faultOf(openPkcs11Signer(key({ module: "/usr/lib/nowhere.so" })));
  expect(noModule).toMatchObject({
    code: "KEY_PKCS11_MODULE",
    message: expect.stringContaining("/usr/lib/nowhere.so"),
  });
});

test("without pkcs11js the error says how to get it", async () => {
  const absent = loadPkcs11Library(() => Promise.reject(new Error("Cannot find package 'pkcs11js'\nRequire stack: …")));
  expect(await faultOf(absent)).toMatchObject({
    code: "KEY_PKCS11_MISSING",
    message: expect.stringContaining("Cannot find package 'pkcs11js'."),
    remedy: expect.stringContaining("npm install --allow-scripts=pkcs11js pkcs11js@2.1.7"),
  });
});
