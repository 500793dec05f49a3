/**
 * What a certificate is good for, as data for doctor. Apple's markers are
 * those of its "Certificate Profiles"; the policies those of the CA/Browser
 * Forum's code-signing requirements §7.1.6.
 */
import { type Certificate, certificateName, nameField } from "../cms/certificate.ts";
import { oids } from "../cms/oids.ts";

export type CertificatePurpose =
  | "developer-id-application"
  | "developer-id-installer"
  | "apple-development"
  | "apple-distribution"
  | "mac-app-store-installer"
  | "code-signing"
  | "timestamping"
  | "authority"
  | "other";

export interface CertificateReport {
  readonly name: string;
  readonly purpose: CertificatePurpose;
  /** Apple's team identifier; undefined for other authorities. */
  readonly teamId: string | undefined;
  /** Extended or organization validation, where the policies tell. */
  readonly validation: "extended" | "organization" | undefined;
  readonly key: string;
  readonly serial: string;
  /** Hex SHA-256. */
  readonly fingerprint: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Whole days until it expires; negative once it has. */
  readonly daysLeft: number;
  readonly isSelfSigned: boolean;
}

const APPLE = "1.2.840.113635.100";

/** In the order of preference: an Apple leaf also carries the common code-signing usage. */
const appleMarkers: readonly (readonly [suffix: string, purpose: CertificatePurpose])[] = [
  ["6.1.13", "developer-id-application"],
  ["6.1.14", "developer-id-installer"],
  ["6.1.7", "apple-distribution"],
  ["6.1.4", "apple-distribution"],
  ["6.1.8", "mac-app-store-installer"],
  ["6.1.12", "apple-development"],
  ["6.1.2", "apple-development"],
];

const DAY_MS = 24 * 60 * 60 * 1000;

/** The report at the time `now`. */
export function inspectCertificate(certificate: Certificate, now: Date): CertificateReport {
  const { key, policies } = certificate;
  const isApple = certificate.extensions.some(({ oid }) => oid.startsWith(`${APPLE}.6.1.`));
  const isExtended = policies.includes("2.23.140.1.3");
  const isOrganization = policies.includes("2.23.140.1.4.1");
  return {
    name: certificateName(certificate),
    purpose: purposeOf(certificate),
    teamId: isApple ? nameField(certificate.subject, "OU") : undefined,
    validation: isExtended ? "extended" : isOrganization ? "organization" : undefined,
    key: key.bits === undefined ? key.type : `${key.type} ${key.bits}`,
    serial: certificate.serial.toString(16),
    fingerprint: certificate.fingerprint,
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    daysLeft: Math.floor((certificate.notAfter.getTime() - now.getTime()) / DAY_MS),
    isSelfSigned: certificate.isSelfSigned,
  };
}

function purposeOf(certificate: Certificate): CertificatePurpose {
  if (certificate.isCertificateAuthority) return "authority";
  const markers = new Set(certificate.extensions.map(({ oid }) => oid));
  const apple = appleMarkers.find(([suffix]) => markers.has(`${APPLE}.${suffix}`));
  if (apple) return apple[1];
  if (certificate.extendedKeyUsages.includes(oids.codeSigning)) return "code-signing";
  return certificate.extendedKeyUsages.includes(oids.timeStamping) ? "timestamping" : "other";
}
