/**
 * Makes CMS SignedData (RFC 5652 §5) as code signatures carry it: version 1,
 * one signer named by issuer and serial number, SHA-256, the chain, and a
 * timestamp token as unsigned attribute. Always DER.
 */
import { createHash } from "node:crypto";
import { ErthError } from "../../runtime/base/errors.ts";
import { checkSignature } from "../keys/check-signature.ts";
import type { DigestSigner, SignRequest } from "../signer.ts";
import { type Certificate, parseCertificate } from "./certificate.ts";
import {
  explicit,
  generalizedTime,
  implicit,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
  set,
  utcTime,
} from "./der.ts";
import { oids } from "./oids.ts";
import { requestTimestamp } from "./timestamp.ts";
import type { TimestampPatience } from "./timestamp-http.ts";

export interface SignedAttribute {
  readonly oid: string;
  /** Encoded values; they become a SET, sorted. */
  readonly values: readonly Uint8Array[];
}

export interface SignedDataRequest {
  readonly contentTypeOid: string;
  /** DER inside eContent's `[0]`: an OCTET STRING in CMS, the bare structure in Authenticode. Absent: detached. */
  readonly content?: Uint8Array;
  /** The exact octets whose SHA-256 is messageDigest, or that digest. */
  readonly digested: Uint8Array | { readonly sha256: Uint8Array };
  /** Besides contentType, messageDigest and signingTime. */
  readonly signedAttributes: readonly SignedAttribute[];
  readonly signingTime?: Date;
  /** How an RSA signature's algorithm is named: Apple writes the long form, Authenticode the short one. */
  readonly rsaSignatureOid: "rsaEncryption" | "sha256WithRSAEncryption";
  readonly signer: DigestSigner;
  readonly hint: SignRequest["hint"];
  readonly timestamp?: {
    readonly url: string;
    /** Where the token goes: `oids.timestampToken`, or `oids.microsoftTimestampToken`. */
    readonly attributeOid: string;
    readonly fetch: typeof fetch;
    readonly signal?: AbortSignal | undefined;
    readonly patience?: TimestampPatience | undefined;
  };
}

export interface SignedData {
  /** The ContentInfo. */
  readonly der: Uint8Array;
  /** The embedded certificates, leaf first. */
  readonly certificates: readonly Uint8Array[];
}

/**
 * Signs and returns the whole ContentInfo. The signature is checked against
 * the leaf before it is embedded (`KEY_MISMATCH`); a timestamp that cannot be
 * had fails the signature (`TIMESTAMP_…`).
 */
export async function createSignedData(request: SignedDataRequest): Promise<SignedData> {
  const { signer, hint } = request;
  const digested = request.digested;
  const messageDigest = digested instanceof Uint8Array ? sha256(digested) : digested.sha256;
  if (messageDigest.length !== 32) throw new TypeError(`a SHA-256 has 32 bytes, not ${messageDigest.length}`);

  // §5.4: the signature covers the attributes as a DER SET OF, whatever tag they carry in the message.
  const attributes = set(
    attribute(oids.contentType, oid(request.contentTypeOid)),
    attribute(oids.messageDigest, octetString(messageDigest)),
    ...(request.signingTime ? [attribute(oids.signingTime, time(request.signingTime))] : []),
    ...request.signedAttributes.map((it) => attribute(it.oid, ...it.values)),
  );
  const digest = sha256(attributes);
  const response = await signer.signDigest({ digestAlgorithm: "sha256", digest, hint });

  // Some services tell the chain only now: nothing above may depend on the certificate.
  const certificates = response.chain ?? (await signer.certificates()) ?? [];
  const leafDer = certificates[0];
  if (leafDer === undefined) throw missingCertificate(signer.name);
  const leaf = parseCertificate(leafDer);
  checkSignature({ ...response, digestAlgorithm: "sha256", digest, keyName: signer.name, leaf });

  const { timestamp } = request;
  const unsigned = timestamp && [
    attribute(timestamp.attributeOid, await requestTimestamp({ ...timestamp, sha256: sha256(response.signature) })),
  ];
  const digestAlgorithm = sequence(oid(oids.sha256), nullValue());
  // §5.3
  const signerInfo = sequence(
    integer(1),
    sequence(leaf.issuerDer, leaf.serialDer),
    digestAlgorithm,
    implicit(0, attributes),
    signatureAlgorithm(leaf, request.rsaSignatureOid),
    octetString(response.signature),
    ...(unsigned ? [implicit(1, set(...unsigned))] : []),
  );
  // §5.1
  const signedData = sequence(
    integer(1),
    set(digestAlgorithm),
    sequence(oid(request.contentTypeOid), ...(request.content ? [explicit(0, request.content)] : [])),
    // Sorted, as a DER SET OF is: readers find the leaf by the signer's identifier.
    implicit(0, set(...certificates)),
    set(signerInfo),
  );
  return { der: sequence(oid(oids.signedData), explicit(0, signedData)), certificates };
}

function attribute(type: string, ...values: readonly Uint8Array[]): Uint8Array {
  return sequence(oid(type), set(...values));
}

/** RFC 5652 §11.3: UTCTime for the years it can hold. */
function time(date: Date): Uint8Array {
  const year = date.getUTCFullYear();
  return year >= 1950 && year < 2050 ? utcTime(date) : generalizedTime(date);
}

function signatureAlgorithm(leaf: Certificate, rsa: SignedDataRequest["rsaSignatureOid"]): Uint8Array {
  // RFC 5754 §3.3: no parameters with ECDSA; §3.2: NULL with RSA.
  if (leaf.key.type === "ec") return sequence(oid(oids.ecdsaWithSha256));
  const name = rsa === "rsaEncryption" ? oids.rsaEncryption : oids.sha256WithRsaEncryption;
  return sequence(oid(name), nullValue());
}

function missingCertificate(keyName: string): ErthError {
  return new ErthError({
    code: "KEY_NO_CERTIFICATE",
    message: `${keyName} signed, but no certificate came with it.`,
    remedy: "set the certificate chain beside the key, then type: erth doctor signing",
  });
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
