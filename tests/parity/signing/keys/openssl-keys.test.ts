import { execFile, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { Secret } from "../../../../runtime/base/secret.ts";
import { openFileKey } from "../../../../signing/keys/file-key.ts";
import { windowsAuthority } from "../../../fakes/certificate-authority.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { hasLegacyOpenssl, hasOpenssl, openssl } from "../openssl.ts";

const { leaf, p256 } = windowsAuthority();
const hasKeytool = spawnSync("keytool", ["-help"]).status === 0;

async function folderOf(identity: typeof leaf): Promise<string> {
  const folder = await scratchFolder();
  await writeFile(join(folder, "key.pem"), identity.keyPem);
  await writeFile(join(folder, "leaf.pem"), identity.certificatePem);
  await writeFile(join(folder, "chain.pem"), identity.chainPem);
  await writeFile(join(folder, "issuers.pem"), identity.chainPem.slice(identity.certificatePem.length));
  return folder;
}

const EXPORT = "pkcs12 -export -inkey key.pem -in leaf.pem -certfile issuers.pem -passout pass:secret -out key.p12";

test.skipIf(!hasOpenssl).each([
  ["its defaults", ""],
  ["AES-128 and a SHA-512 MAC", " -keypbe AES-128-CBC -certpbe AES-192-CBC -macalg sha512"],
  ["3DES and a SHA-1 MAC", " -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1"],
  ["3DES of two keys", " -keypbe PBE-SHA1-2DES -certpbe PBE-SHA1-2DES"],
  ["3DES under PBES2", " -keypbe DES-EDE3-CBC -certpbe DES-EDE3-CBC"],
  ["nothing encrypted", " -keypbe NONE -certpbe NONE"],
  ["no MAC", " -nomac"],
  ["one iteration", " -noiter -nomaciter"],
  ["a friendly name and a Microsoft attribute", " -name Release -CSP Microsoft"],
])("a .p12 by openssl opens: %s", async (_, options) => {
  for (const identity of [leaf, p256]) {
    const folder = await folderOf(identity);
    await openssl(folder, EXPORT + options);
    const open = (password: string) =>
      openFileKey({ key: { path: join(folder, "key.p12") }, password: new Secret(password) });
    const { chain, warnings } = await open("secret");
    expect(chain.certificates.map((it) => it.der)).toEqual(identity.chain.map((it) => Buffer.from(it)));
    expect(warnings).toEqual([]);
    if (!options.includes("NONE")) await expect(open("sacred")).rejects.toMatchObject({ code: "KEY_PASSWORD" });
  }
});

test.skipIf(!hasLegacyOpenssl).each([
  ["RC2 of 40 bits", " -certpbe PBE-SHA1-RC2-40 -keypbe PBE-SHA1-RC2-40"],
  ["RC2 of 128 bits", " -certpbe PBE-SHA1-RC2-128 -keypbe PBE-SHA1-RC2-128"],
])("a .p12 by openssl's legacy provider opens: %s", async (_, options) => {
  const folder = await folderOf(leaf);
  await openssl(folder, `${EXPORT} -legacy${options}`);
  const key = { path: join(folder, "key.p12") };
  expect((await openFileKey({ key, password: new Secret("secret") })).chain.certificates).toHaveLength(3);
  await expect(openFileKey({ key, password: new Secret("wrong") })).rejects.toMatchObject({ code: "KEY_PASSWORD" });
});

test.skipIf(!hasOpenssl).each([
  ["PKCS #8, AES", "pkcs8 -topk8 -in key.pem -passout pass:secret -v2 aes-256-cbc"],
  ["PKCS #8, scrypt", "pkcs8 -topk8 -in key.pem -passout pass:secret -scrypt"],
  ["PKCS #8, 3DES of PKCS #12", "pkcs8 -topk8 -in key.pem -passout pass:secret -v1 PBE-SHA1-3DES"],
  ["the traditional form, AES", "rsa -in key.pem -traditional -aes128 -passout pass:secret"],
  ["the traditional form, 3DES", "rsa -in key.pem -traditional -des3 -passout pass:secret"],
])("an encrypted key by openssl opens: %s", async (_, command) => {
  const folder = await folderOf(leaf);
  await openssl(folder, `${command} -out encrypted.pem`);
  const open = (password: string) =>
    openFileKey({
      key: { path: join(folder, "encrypted.pem") },
      certificates: { path: join(folder, "chain.pem") },
      password: new Secret(password),
    });
  expect((await open("secret")).chain.certificates).toHaveLength(3);
  await expect(open("wrong")).rejects.toMatchObject({ code: "KEY_PASSWORD" });
});

test.skipIf(!hasLegacyOpenssl)(
  "an encryption that openssl 3 no longer reads by default is named (openssl legacy)",
  async () => {
    const folder = await folderOf(leaf);
    const options = "-v1 PBE-MD5-DES -provider legacy -provider default";
    await openssl(folder, `pkcs8 -topk8 -in key.pem -passout pass:secret ${options} -out encrypted.pem`);
    const key = { path: join(folder, "encrypted.pem") };
    await expect(openFileKey({ key, password: new Secret("secret") })).rejects.toMatchObject({
      code: "KEY_ENCRYPTION",
    });
  },
);

test.skipIf(!hasOpenssl)("a certificate list (.p7b) by openssl gives the chain, in PEM and DER", async () => {
  const folder = await folderOf(leaf);
  for (const form of ["PEM", "DER"]) {
    await openssl(folder, `crl2pkcs7 -nocrl -certfile chain.pem -outform ${form} -out chain.p7b`);
    const { chain } = await openFileKey({
      key: { path: join(folder, "key.pem") },
      certificates: { path: join(folder, "chain.p7b") },
    });
    expect(chain.certificates).toHaveLength(3);
  }
});

test.skipIf(!hasKeytool)("a .p12 by Java opens (keytool)", async () => {
  const folder = await scratchFolder();
  const path = join(folder, "java.p12");
  const command =
    "-genkeypair -alias release -keyalg EC -groupname secp256r1 -dname CN=Java -validity 9 " +
    "-keystore java.p12 -storetype PKCS12 -storepass changeit";
  await promisify(execFile)("keytool", command.split(" "), { cwd: folder });
  const { chain } = await openFileKey({ key: { path }, password: new Secret("changeit") });
  expect(chain.certificates).toHaveLength(1);
  expect(chain.missingIssuer).toBeUndefined();
  await expect(openFileKey({ key: { path }, password: new Secret("changed") })).rejects.toMatchObject({
    code: "KEY_PASSWORD",
  });
});
