/**
 * Certificate authorities for tests: a hierarchy with Apple's extensions, one
 * for Windows code signing, and a time-stamping authority. Keys, dates and
 * serial numbers are fixed, and RSA signs the same way every time, so that
 * goldens hold. The keys lie in the open and are worth nothing.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, X509Certificate } from "node:crypto";
import { parseCertificate } from "../../signing/cms/certificate.ts";
import {
  bitString,
  boolean,
  element,
  explicit,
  generalizedTime,
  implicit,
  integer,
  nullValue,
  octetString,
  oid,
  printableString,
  sequence,
  set,
  utcTime,
  utf8String,
} from "../../signing/cms/der.ts";
import { oids } from "../../signing/cms/oids.ts";
import { signWithKey } from "../../signing/keys/private-key.ts";
import type { DigestSigner } from "../../signing/signer.ts";
import keys from "../fixtures/signing/throwaway-keys.json" with { type: "json" };

export type FakeKeyName = keyof typeof keys;

export const APPLE_OID = "1.2.840.113635.100";
/** The team of every fake Apple leaf. */
export const TEAM_ID = "ERTH123456";

/** A certificate with its private key and the certificates above it. */
export interface Identity {
  readonly der: Uint8Array;
  readonly key: KeyObject;
  /** Leaf first, root last. */
  readonly chain: readonly Uint8Array[];
  readonly signer: DigestSigner;
  readonly certificatePem: string;
  /** The whole chain, leaf first. */
  readonly chainPem: string;
  /** PKCS #8, unencrypted. */
  readonly keyPem: string;
}

export interface CertificateRequest {
  readonly commonName: string;
  readonly organization?: string;
  /** The team identifier, in Apple's leaves. */
  readonly organizationalUnit?: string;
  readonly key: FakeKeyName;
  readonly serial: number;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Makes a certificate authority. */
  readonly isCa?: boolean;
  readonly extendedKeyUsages?: readonly string[];
  readonly isUsageCritical?: boolean;
  readonly policies?: readonly string[];
  readonly extensions?: readonly { readonly oid: string; readonly isCritical?: boolean; readonly value: Uint8Array }[];
}

const VALID_FROM = new Date("2020-01-01T00:00:00Z");
const VALID_UNTIL = new Date("2049-12-31T23:59:59Z");

export function fakeKey(name: FakeKeyName): KeyObject {
  return createPrivateKey({ key: keys[name], format: "jwk" });
}

/** Issues a certificate; without an issuer it signs itself. */
export function issue(request: CertificateRequest, issuer?: Identity): Identity {
  const key = fakeKey(request.key);
  const issuerKey = issuer?.key ?? key;
  const issuerCertificate = issuer && parseCertificate(issuer.der);
  const subject = encodeName(request);
  const isRsa = issuerKey.asymmetricKeyType === "rsa";
  const algorithm = isRsa
    ? sequence(oid(oids.sha256WithRsaEncryption), nullValue())
    : sequence(oid(oids.ecdsaWithSha256));
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  const body = sequence(
    explicit(0, integer(2)),
    integer(request.serial),
    algorithm,
    issuerCertificate?.subjectDer ?? subject,
    sequence(time(request.notBefore ?? VALID_FROM), time(request.notAfter ?? VALID_UNTIL)),
    subject,
    spki,
    explicit(3, sequence(...extensionsOf(request, spki, issuerCertificate?.subjectKeyId))),
  );
  const der = sequence(body, algorithm, bitString(sign("sha256", body, issuerKey)));
  const chain = [der, ...(issuer?.chain ?? [])];
  const certificatePem = new X509Certificate(der).toString();
  return {
    der,
    key,
    chain,
    signer: fakeSigner(request.commonName, key, chain),
    certificatePem,
    chainPem: chain.map((it) => new X509Certificate(it).toString()).join(""),
    keyPem: key.export({ format: "pem", type: "pkcs8" }),
  };
}

/** A signer with a key in memory; `chain` undefined makes the certificates come with the signature. */
export function fakeSigner(name: string, key: KeyObject, chain: readonly Uint8Array[], isLate = false): DigestSigner {
  return {
    name,
    certificates: () => Promise.resolve(isLate ? undefined : chain),
    signDigest: (request) => Promise.resolve({ ...signWithKey(key, request, name), ...(isLate ? { chain } : {}) }),
  };
}

export interface AppleAuthority {
  readonly root: Identity;
  readonly intermediate: Identity;
  /** Developer ID Application. */
  readonly application: Identity;
  /** Developer ID Installer. */
  readonly installer: Identity;
  /** Apple Development: signs, but not for distribution. */
  readonly development: Identity;
  /** Developer ID Application that ended in 2021. */
  readonly expired: Identity;
  /** Developer ID Application that begins in 2048. */
  readonly notYetValid: Identity;
}

/** Root, an intermediate with Apple's Developer ID marker, and its leaves. */
export function appleAuthority(): AppleAuthority {
  const apple = (suffix: string, isCritical: boolean) => ({
    oid: `${APPLE_OID}.${suffix}`,
    isCritical,
    value: nullValue(),
  });
  const organization = "Erth Test Apple";
  const root = issue({ commonName: "Erth Test Apple Root CA", organization, key: "root", serial: 2, isCa: true });
  const intermediate = issue(
    {
      commonName: "Erth Test Developer ID CA",
      organization,
      key: "intermediate",
      serial: 0x1b5f,
      isCa: true,
      extensions: [apple("6.2.6", false)],
    },
    root,
  );
  const leaf = (kind: string, serial: number, request: Partial<CertificateRequest>): Identity =>
    issue(
      {
        commonName: `${kind}: Erth Test (${TEAM_ID})`,
        organization: "Erth Test",
        organizationalUnit: TEAM_ID,
        key: "leaf",
        serial,
        extendedKeyUsages: [oids.codeSigning],
        isUsageCritical: true,
        extensions: [apple("6.1.13", true), apple("6.1.33", false)],
        ...request,
      },
      intermediate,
    );
  const application = "Developer ID Application";
  return {
    root,
    intermediate,
    application: leaf(application, 0x5eed01, {}),
    installer: leaf("Developer ID Installer", 0x5eed02, {
      extendedKeyUsages: [`${APPLE_OID}.4.13`],
      extensions: [apple("6.1.14", true)],
    }),
    development: leaf("Apple Development", 0x5eed03, { extensions: [apple("6.1.2", true), apple("6.1.12", true)] }),
    expired: leaf(application, 0x5eed04, { notAfter: new Date("2021-01-01T00:00:00Z") }),
    notYetValid: leaf(application, 0x5eed05, { notBefore: new Date("2048-01-01T00:00:00Z") }),
  };
}

export interface WindowsAuthority {
  readonly root: Identity;
  readonly intermediate: Identity;
  /** Organization-validated code signing, RSA. */
  readonly leaf: Identity;
  /** Extended validation, RSA, another key. */
  readonly extendedValidation: Identity;
  readonly p256: Identity;
  readonly p384: Identity;
  readonly expired: Identity;
  /** A TLS server certificate: the wrong kind. */
  readonly server: Identity;
}

/** Root, intermediate and code-signing leaves, as a public authority issues them. */
export function windowsAuthority(): WindowsAuthority {
  const organization = "Erth Test Trust";
  const root = issue({ commonName: "Erth Test Code Root", organization, key: "root", serial: 3, isCa: true });
  const intermediate = issue(
    { commonName: "Erth Test Code CA", organization, key: "intermediate", serial: 4, isCa: true },
    root,
  );
  const leaf = (serial: number, request: Partial<CertificateRequest>): Identity =>
    issue(
      {
        commonName: "Erth Test Publisher",
        organization: "Erth Test Publisher",
        key: "leaf",
        serial,
        extendedKeyUsages: [oids.codeSigning],
        policies: ["2.23.140.1.4.1"],
        ...request,
      },
      intermediate,
    );
  return {
    root,
    intermediate,
    leaf: leaf(0xc0de01, {}),
    extendedValidation: leaf(0xc0de02, { key: "other", policies: ["2.23.140.1.3"] }),
    p256: leaf(0xc0de03, { key: "p256" }),
    p384: leaf(0xc0de04, { key: "p384" }),
    expired: leaf(0xc0de05, { notAfter: new Date("2021-01-01T00:00:00Z") }),
    server: leaf(0xc0de06, { extendedKeyUsages: ["1.3.6.1.5.5.7.3.1"], policies: [] }),
  };
}

/** A self-standing time-stamping authority: its own root and a leaf for timestamps alone. */
export function timestampIdentity(): Identity {
  const root = issue({ commonName: "Erth Test Time Root", key: "root", serial: 5, isCa: true });
  const usage = { extendedKeyUsages: [oids.timeStamping], isUsageCritical: true };
  return issue({ commonName: "Erth Test Time Authority", key: "authority", serial: 0x715a, ...usage }, root);
}

function encodeName(request: CertificateRequest): Uint8Array {
  const field = (type: string, value: string | undefined): readonly Uint8Array[] =>
    value === undefined ? [] : [set(sequence(oid(type), utf8String(value)))];
  return sequence(
    ...field("2.5.4.3", request.commonName),
    ...field("2.5.4.11", request.organizationalUnit),
    ...field("2.5.4.10", request.organization),
    set(sequence(oid("2.5.4.6"), printableString("US"))),
  );
}

function extensionsOf(request: CertificateRequest, spki: Uint8Array, authorityKeyId?: string): readonly Uint8Array[] {
  const extension = (type: string, isCritical: boolean, value: Uint8Array): Uint8Array =>
    sequence(oid(type), ...(isCritical ? [boolean(true)] : []), octetString(value));
  const keyId = createHash("sha1").update(spki).digest();
  const issuerKeyId = authorityKeyId === undefined ? keyId : Buffer.from(authorityKeyId, "hex");
  const { isCa = false, extendedKeyUsages, policies = [], extensions = [] } = request;
  // keyCertSign and cRLSign, or digitalSignature alone.
  const keyUsage = element(0x03, isCa ? Uint8Array.of(1, 0x06) : Uint8Array.of(7, 0x80));
  return [
    extension(oids.basicConstraints, true, sequence(...(isCa ? [boolean(true)] : []))),
    extension(oids.keyUsage, true, keyUsage),
    extension(oids.subjectKeyIdentifier, false, octetString(keyId)),
    extension(oids.authorityKeyIdentifier, false, sequence(implicit(0, octetString(issuerKeyId)))),
    ...(extendedKeyUsages
      ? [extension(oids.extendedKeyUsage, request.isUsageCritical ?? false, sequence(...extendedKeyUsages.map(oid)))]
      : []),
    ...(policies.length > 0
      ? [extension(oids.certificatePolicies, false, sequence(...policies.map((policy) => sequence(oid(policy)))))]
      : []),
    ...extensions.map((it) => extension(it.oid, it.isCritical ?? false, it.value)),
  ];
}

function time(date: Date): Uint8Array {
  return date.getUTCFullYear() < 2050 ? utcTime(date) : generalizedTime(date);
}
