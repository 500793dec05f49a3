/** Puts certificates in order, leaf first, by names and signatures (RFC 5280 §6.1, without policies and trust). */
import { createPublicKey, X509Certificate } from "node:crypto";
import type { Problem } from "../../runtime/base/errors.ts";
import { type Certificate, certificateName, renderName } from "./certificate.ts";

export interface CertificateChain {
  /** Leaf first, as far as the pool reaches. */
  readonly certificates: readonly Certificate[];
  /** The name whose certificate is not in the pool; undefined when the chain ends in a self-signed one. */
  readonly missingIssuer: string | undefined;
}

/** The chain of a leaf out of unordered certificates; those that do not belong to it are left out. */
export function buildChain(leaf: Certificate, pool: readonly Certificate[]): CertificateChain {
  const certificates = [leaf];
  let last = leaf;
  while (!last.isSelfSigned) {
    const child = last;
    const issuer = pool.find((it) => !certificates.includes(it) && isIssuedBy(child, it));
    if (issuer === undefined) return { certificates, missingIssuer: renderName(child.issuer) };
    certificates.push(issuer);
    last = issuer;
  }
  return { certificates, missingIssuer: undefined };
}

/** Whether the issuer's name stands in the certificate and its key signed it. */
export function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  return isNamedAfter(certificate, issuer) && isSignedBy(certificate, issuer);
}

/** Every certificate that names an issuer among the others, yet was not signed by it. */
export function verifyCertificates(certificates: readonly Certificate[]): readonly Problem[] {
  return certificates.flatMap((certificate) => {
    const issuers = certificates.filter((it) => isNamedAfter(certificate, it));
    if (issuers.length === 0 || issuers.some((it) => isSignedBy(certificate, it))) return [];
    const message = `The certificate "${certificateName(certificate)}" was not signed by the issuer it names.`;
    return [{ code: "CMS_CERTIFICATE", message, remedy: "the file was changed after it was signed: sign it again" }];
  });
}

function isNamedAfter(certificate: Certificate, issuer: Certificate): boolean {
  return Buffer.compare(certificate.issuerDer, issuer.subjectDer) === 0;
}

/** What was found before, by both fingerprints: all the code of an app carries the same few certificates. */
const known = new Map<string, boolean>();
const MAX_KNOWN = 1000;

function isSignedBy(certificate: Certificate, issuer: Certificate): boolean {
  const key = `${certificate.fingerprint} ${issuer.fingerprint}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const found = checkSignedBy(certificate, issuer);
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(key, found);
  return found;
}

function checkSignedBy(certificate: Certificate, issuer: Certificate): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(issuer.key.spki), format: "der", type: "spki" });
    return new X509Certificate(certificate.der).verify(key);
  } catch {
    // An algorithm or key that OpenSSL does not know: not proven, so not signed.
    return false;
  }
}
