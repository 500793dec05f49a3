import { expect, test } from "vitest";
import { certificateName, parseCertificate, renderName } from "../../../../signing/cms/certificate.ts";
import { buildChain, isIssuedBy, verifyCertificates } from "../../../../signing/cms/certificate-chain.ts";
import { ErthError } from "../../../../runtime/base/errors.ts";
import { inspectCertificate } from "../../../../signing/keys/inspect-certificate.ts";
import {
  appleAuthority,
  type Identity,
  timestampIdentity,
  windowsAuthority,
} from "../../../fakes/certificate-authority.ts";

const apple = appleAuthority();
const windows = windowsAuthority();
const NOW = new Date("2026-06-01T00:00:00Z");
const report = (identity: Identity, now = NOW) => inspectCertificate(parseCertificate(identity.der), now);

test.each<[string, Identity, object]>([
  ["Developer ID Application", apple.application, { purpose: "developer-id-application", teamId: "ERTH123456" }],
  ["Developer ID Installer", apple.installer, { purpose: "developer-id-installer", teamId: "ERTH123456" }],
  ["Apple Development", apple.development, { purpose: "apple-development", teamId: "ERTH123456" }],
  ["a Windows leaf", windows.leaf, { purpose: "code-signing", teamId: undefined, validation: "organization" }],
  ["an EV leaf", windows.extendedValidation, { purpose: "code-signing", validation: "extended", key: "rsa 2048" }],
  ["P-256", windows.p256, { purpose: "code-signing", key: "ec 256" }],
  ["P-384", windows.p384, { purpose: "code-signing", key: "ec 384" }],
  ["a TLS server", windows.server, { purpose: "other", validation: undefined }],
  ["a time-stamping authority", timestampIdentity(), { purpose: "timestamping" }],
  ["an intermediate", apple.intermediate, { purpose: "authority", isSelfSigned: false, teamId: undefined }],
  ["a root", apple.root, { purpose: "authority", isSelfSigned: true }],
])("%s is known for what it is", (_, identity, expected) => {
  expect(report(identity)).toMatchObject(expected);
});

test("days left, to the day", () => {
  expect(report(apple.expired, new Date("2020-12-01T00:00:00Z")).daysLeft).toBe(31);
  expect(report(apple.expired, new Date("2020-12-31T23:00:00Z")).daysLeft).toBe(0);
  expect(report(apple.expired, new Date("2021-01-01T01:00:00Z")).daysLeft).toBe(-1);
});

test("names and fields read as openssl prints them", () => {
  const certificate = parseCertificate(apple.application.der);
  expect(renderName(certificate.subject)).toBe(
    "CN=Developer ID Application: Erth Test (ERTH123456), OU=ERTH123456, O=Erth Test, C=US",
  );
  expect(certificateName(certificate)).toBe("Developer ID Application: Erth Test (ERTH123456)");
  expect(certificate.serial).toBe(0x5eed01n);
  expect(certificate.authorityKeyId).toBe(parseCertificate(apple.intermediate.der).subjectKeyId);
  expect(certificate.extensions.filter((it) => it.isCritical).map((it) => it.oid)).toEqual([
    "2.5.29.19",
    "2.5.29.15",
    "2.5.29.37",
    "1.2.840.113635.100.6.1.13",
  ]);
});

test("a chain is found in any order, without strangers, and says what is missing", () => {
  const [leaf, intermediate, root] = apple.application.chain.map((der) => parseCertificate(der));
  const stranger = parseCertificate(windows.root.der);
  const pool = [root!, stranger, leaf!, intermediate!];
  expect(buildChain(leaf!, pool)).toEqual({ certificates: [leaf, intermediate, root], missingIssuer: undefined });
  expect(buildChain(leaf!, [root!]).missingIssuer).toContain("CN=Erth Test Developer ID CA");
  expect(buildChain(leaf!, [intermediate!]).missingIssuer).toContain("CN=Erth Test Apple Root CA");
  expect(isIssuedBy(intermediate!, root!)).toBe(true);
  expect(isIssuedBy(leaf!, root!)).toBe(false);
});

test("an issuer of the right name and the wrong key is no issuer", () => {
  const leaf = parseCertificate(apple.application.der);
  // Same name as the real intermediate, another key.
  const impostor = { ...parseCertificate(windows.extendedValidation.der), subjectDer: leaf.issuerDer };
  expect(isIssuedBy(leaf, impostor)).toBe(false);
  expect(buildChain(leaf, [impostor]).missingIssuer).toBeDefined();
  expect(verifyCertificates([leaf, impostor])).toMatchObject([{ code: "CMS_CERTIFICATE" }]);
});

test("no cut certificate is read", () => {
  const { der } = apple.application;
  for (let length = 0; length < der.length; length++) {
    expect(() => parseCertificate(der.subarray(0, length))).toThrow(ErthError);
  }
});
