import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { octetString } from "../../../../signing/cms/der.ts";
import { oids } from "../../../../signing/cms/oids.ts";
import { parseSignedData } from "../../../../signing/cms/parse-signed-data.ts";
import { createSignedData, type SignedDataRequest } from "../../../../signing/cms/signed-data.ts";
import { verifyTimestampToken } from "../../../../signing/cms/timestamp.ts";
import { timestampTokensOf, verifySignedData } from "../../../../signing/cms/verify-signed-data.ts";
import {
  appleAuthority,
  type Identity,
  timestampIdentity,
  windowsAuthority,
} from "../../../fakes/certificate-authority.ts";
import { startTimestampAuthority } from "../../../fakes/timestamp-authority.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { hasOpenssl, openssl } from "../openssl.ts";

const CONTENT = Buffer.from("the content, byte for byte\r\n\0");
const apple = appleAuthority();
const windows = windowsAuthority();

const VERIFY = "-binary -purpose any -ignore_critical -CAfile root.pem -out verified";

async function folderWith(files: Readonly<Record<string, Uint8Array | string>>): Promise<string> {
  const folder = await scratchFolder();
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return folder;
}

/** The certificates above the leaf. */
function issuersPem({ chainPem, certificatePem }: Identity): string {
  return chainPem.slice(certificatePem.length);
}

function request(identity: Identity, changes: Partial<SignedDataRequest> = {}): SignedDataRequest {
  return {
    contentTypeOid: oids.data,
    digested: CONTENT,
    signedAttributes: [{ oid: "1.2.840.113635.100.9.1", values: [octetString(Buffer.from("<plist/>"))] }],
    signingTime: new Date("2026-06-01T00:00:00Z"),
    rsaSignatureOid: "sha256WithRSAEncryption",
    signer: identity.signer,
    hint: { file: "content", kind: "test" },
    ...changes,
  };
}

test.skipIf(!hasOpenssl).each([
  ["RSA under Apple's extensions", apple.application, "sha256WithRSAEncryption"],
  ["RSA by its short name", windows.leaf, "rsaEncryption"],
  ["ECDSA P-256", windows.p256, "rsaEncryption"],
  ["ECDSA P-384", windows.p384, "rsaEncryption"],
] as const)("openssl verifies our signature and its timestamp: %s", async (_, identity, rsaSignatureOid) => {
  const authority = await startTimestampAuthority();
  const timestamp = { url: authority.url, attributeOid: oids.timestampToken, fetch };
  const { der } = await createSignedData(request(identity, { rsaSignatureOid, timestamp }));
  await authority.close();
  const [signer] = parseSignedData(der).signers;
  const [token] = timestampTokensOf(signer!);
  const folder = await folderWith({
    "signature.der": der,
    content: CONTENT,
    other: Buffer.from("other content"),
    "root.pem": issuersPem(identity),
    "time-root.pem": authority.identity.chainPem,
    token: token!,
    signature: signer!.signature,
  });
  const cms = `cms -verify -inform DER -in signature.der ${VERIFY} -content`;
  expect(await openssl(folder, `${cms} content`)).toContain("successful");
  await expect(openssl(folder, `${cms} other`)).rejects.toThrow(/verification failure/);
  const ts = "ts -verify -token_in -in token -CAfile time-root.pem -data";
  expect(await openssl(folder, `${ts} signature`)).toContain("Verification: OK");
  await expect(openssl(folder, `${ts} other`)).rejects.toThrow(/imprint/);
});

test.skipIf(!hasOpenssl)("openssl verifies our signature with the content inside", async () => {
  const { der } = await createSignedData(request(apple.application, { content: octetString(CONTENT) }));
  const folder = await folderWith({ "signature.der": der, "root.pem": apple.root.certificatePem });
  await openssl(folder, `cms -verify -inform DER -in signature.der ${VERIFY}`);
  expect(await readFile(join(folder, "verified"))).toEqual(CONTENT);
});

test.skipIf(!hasOpenssl).each([
  ["detached", ""],
  ["in BER of indefinite length, content in pieces", " -nodetach -stream"],
  ["named by key identifier", " -keyid"],
  ["without signed attributes", " -noattr"],
  ["with SHA-512", " -md sha512"],
])("we verify a signature by openssl: %s", async (_, options) => {
  const large = Buffer.alloc(100_000, CONTENT);
  for (const identity of [windows.leaf, windows.p384]) {
    const folder = await folderWith({
      content: large,
      "leaf.pem": identity.certificatePem,
      "key.pem": identity.keyPem,
      "issuers.pem": issuersPem(identity),
    });
    await openssl(
      folder,
      "cms -sign -binary -in content -signer leaf.pem -inkey key.pem -certfile issuers.pem " +
        `-outform DER -out signature.der${options}`,
    );
    const signed = parseSignedData(await readFile(join(folder, "signature.der")));
    expect(verifySignedData(signed, large).problems).toEqual([]);
    expect(verifySignedData(signed, CONTENT).problems.length).toBeGreaterThan(0);
    expect(verifySignedData(signed, large).chain?.certificates).toHaveLength(3);
  }
});

test.skipIf(!hasOpenssl)("we verify a timestamp by openssl", async () => {
  const identity = timestampIdentity();
  const config = [
    "[tsa]\ndefault_tsa = one",
    "[one]\nserial = serial\ndefault_policy = 1.2.3.4\ndigests = sha256, sha512\nsigner_digest = sha384",
    "accuracy = secs:1\nordering = yes\ntsa_name = yes\ness_cert_id_chain = no\ness_cert_id_alg = sha256\n",
  ].join("\n");
  const folder = await folderWith({
    "tsa.cnf": config,
    serial: "01\n",
    signature: "a signature",
    "leaf.pem": identity.certificatePem,
    "key.pem": identity.keyPem,
    "issuers.pem": issuersPem(identity),
  });
  await openssl(folder, "ts -query -data signature -sha256 -cert -out query");
  await openssl(
    folder,
    "ts -reply -config tsa.cnf -queryfile query -signer leaf.pem -inkey key.pem -chain issuers.pem -token_out -out token",
  );
  const token = await readFile(join(folder, "token"));
  expect(verifyTimestampToken(token, createHash("sha256").update("a signature").digest())).toEqual([]);
  expect(verifyTimestampToken(token, createHash("sha256").update("another").digest())).toMatchObject([
    { code: "TIMESTAMP_IMPRINT" },
  ]);
});
