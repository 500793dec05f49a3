/**
 * The certificates that a service sends with a signature: one certificate or
 * a certificates-only PKCS #7 (RFC 5652 §5), sometimes base64 inside base64,
 * in no order and with duplicates. Out comes a chain, leaf first.
 */
import { X509Certificate } from "node:crypto";
import { messageOf } from "../../runtime/base/errors.ts";
import { parseCertificate } from "../cms/certificate.ts";
import { isContext, readOid, sequenceOf } from "../cms/der-values.ts";
import { type DerNode, derError, parseDer } from "../cms/der.ts";
import { oids } from "../cms/oids.ts";

const WHAT = "certificate chain";
/** A real chain has three or four. */
const MAX_CERTIFICATES = 32;

/** The chain as DER, leaf first, from the leaf up as far as issuers are present; anything else is `DER_INVALID`. */
export function parseServedChain(bytes: Uint8Array): readonly Uint8Array[] {
  const node = parseDer(isDer(bytes) ? bytes : decodeText(bytes), { ber: true, what: WHAT });
  const first = sequenceOf(node, WHAT)[0];
  const isSignedData = first?.class === "universal" && !first.constructed && readOid(first, WHAT) === oids.signedData;
  const found = isSignedData ? certificatesOf(node) : [node.bytes];
  if (found.length === 0) throw derError(WHAT, "there is no certificate in it");
  if (found.length > MAX_CERTIFICATES) throw derError(WHAT, `it has ${found.length} certificates`);
  return orderChain(found);
}

/** One chain out of certificates in any order; duplicates and strangers are left out. */
export function orderChain(certificates: readonly Uint8Array[]): readonly Uint8Array[] {
  const all = unique(certificates);
  const leaves = all.filter((one) => !all.some((other) => other !== one && isIssuedBy(other, one)));
  const leaf = leaves.find((one) => !one.ca) ?? leaves[0];
  if (leaf === undefined) throw derError(WHAT, "its certificates issue each other in a ring");
  return chainFrom(leaf.raw, certificates);
}

/** The chain of a known leaf, as far up as issuers are among the others; strangers are left out. */
export function chainFrom(leaf: Uint8Array, others: readonly Uint8Array[]): readonly Uint8Array[] {
  const all = unique([leaf, ...others]);
  const chain = all.slice(0, 1);
  for (let last = chain[0]; last !== undefined;) {
    const child: X509Certificate = last;
    last = all.find((one) => !chain.includes(one) && isIssuedBy(child, one));
    if (last !== undefined) chain.push(last);
  }
  return chain.map((one) => new Uint8Array(one.raw));
}

function unique(certificates: readonly Uint8Array[]): readonly X509Certificate[] {
  const byFingerprint = new Map<string, X509Certificate>();
  for (const der of certificates) {
    const { fingerprint } = parseCertificate(der);
    if (!byFingerprint.has(fingerprint)) byFingerprint.set(fingerprint, openCertificate(der));
  }
  return [...byFingerprint.values()];
}

function openCertificate(der: Uint8Array): X509Certificate {
  try {
    const certificate = new X509Certificate(der);
    // Read now: a damaged key would throw where it is first used.
    certificate.publicKey.export({ format: "der", type: "spki" });
    return certificate;
  } catch (cause) {
    throw derError(WHAT, `OpenSSL refuses a certificate (${messageOf(cause)})`);
  }
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function certificatesOf(contentInfo: DerNode): readonly Uint8Array[] {
  const content = sequenceOf(contentInfo, WHAT)[1];
  if (!isContext(content, 0)) throw derError(WHAT, "its PKCS #7 has no content");
  const set = sequenceOf(content.children[0], WHAT).find((part) => isContext(part, 0));
  return (set?.children ?? []).map((part) => part.bytes);
}

function isDer(bytes: Uint8Array): boolean {
  // SEQUENCE in a long length form; in base64 a "0" is not followed by such an octet.
  return bytes[0] === 0x30 && (bytes[1] ?? 0) >= 0x80;
}

function decodeText(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes).toString("latin1").replaceAll(/\s+/g, "");
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw derError(WHAT, "it is neither DER nor base64");
  return Uint8Array.from(Buffer.from(text, "base64"));
}
