/**
 * Reads CMS SignedData (RFC 5652 §5; PKCS #7 1.5 for Authenticode) in DER or
 * BER. Nothing is assumed of the writer and nothing is checked but the form:
 * `verify-signer.ts` does the rest.
 */
import { type Certificate, parseCertificate } from "./certificate.ts";
import { type DerNode, derError, element, parseDer, tags } from "./der.ts";
import {
  isContext,
  isUniversal,
  joinOctets,
  readAlgorithm,
  readOctets,
  readOid,
  readSmallInteger,
  sequenceOf,
  setOf,
} from "./der-values.ts";
import { oids } from "./oids.ts";

export interface ParsedAttribute {
  readonly oid: string;
  readonly values: readonly DerNode[];
}

export interface ParsedSigner {
  readonly version: number;
  /** By issuer and serial number, as encoded, or by subject key identifier. */
  readonly id: { readonly issuerDer: Uint8Array; readonly serialDer: Uint8Array } | { readonly subjectKeyId: string };
  readonly digestAlgorithmOid: string;
  readonly signatureAlgorithmOid: string;
  readonly signature: Uint8Array;
  /** Empty when the message has none; the signature then covers the content itself. */
  readonly signedAttributes: readonly ParsedAttribute[];
  /** The attributes as the DER SET OF that the signature covers. */
  readonly signedAttributesDer: Uint8Array | undefined;
  readonly unsignedAttributes: readonly ParsedAttribute[];
}

export interface ParsedSignedData {
  readonly version: number;
  readonly digestAlgorithmOids: readonly string[];
  readonly contentTypeOid: string;
  /** The element inside eContent's `[0]`; undefined when detached. */
  readonly content: DerNode | undefined;
  /** The octets that messageDigest covers: the content without its tag and length. */
  readonly contentOctets: Uint8Array | undefined;
  /** In the order of the message. */
  readonly certificates: readonly Certificate[];
  readonly signers: readonly ParsedSigner[];
}

/** Parses a ContentInfo of type signedData; anything else is an `ErthError` `DER_INVALID`. Zero padding may follow. */
export function parseSignedData(bytes: Uint8Array): ParsedSignedData {
  const what = "CMS signature";
  const root = parseDer(bytes, { ber: true, what, allowTrailing: true });
  if (bytes.subarray(root.end).some((byte) => byte !== 0)) throw derError(what, "other data follows it");
  const [type, wrapper, ...more] = sequenceOf(root, what);
  if (readOid(type, what) !== oids.signedData) throw derError(what, "it is no SignedData");
  if (!isContext(wrapper, 0) || wrapper.children.length !== 1 || more.length > 0) throw derError(what, "no content");
  const [version, digestAlgorithms, encapsulated, ...rest] = sequenceOf(wrapper.children[0], what);
  const certificates = isContext(rest[0], 0) ? (rest.shift()?.children ?? []) : [];
  if (isContext(rest[0], 1)) rest.shift(); // revocation lists: not used here
  const signers = setOf(rest.shift(), "signer infos");
  if (rest.length > 0) throw derError(what, "it has unknown parts");
  const [contentType, contentWrapper, ...others] = sequenceOf(encapsulated, "encapsulated content");
  const isWrapped =
    contentWrapper === undefined || (isContext(contentWrapper, 0) && contentWrapper.children.length === 1);
  if (!isWrapped || others.length > 0) throw derError("encapsulated content", "it is not one element in [0]");
  const content = contentWrapper?.children[0];
  return {
    version: readSmallInteger(version, "CMS version"),
    digestAlgorithmOids: setOf(digestAlgorithms, "digest algorithms").map((node) => readPlainAlgorithm(node)),
    contentTypeOid: readOid(contentType, "content type"),
    content,
    contentOctets: content && (isUniversal(content, tags.octetString) ? joinOctets(content, what) : content.value),
    // The other choices (attribute certificates) have a context tag; none is used in code signing.
    certificates: certificates.map((node) => parseCertificate(node.bytes)),
    signers: signers.map((node) => parseSigner(node)),
  };
}

function parseSigner(node: DerNode): ParsedSigner {
  const what = "signer info";
  const [version, sid, digestAlgorithm, ...rest] = sequenceOf(node, what);
  const signed = isContext(rest[0], 0) ? rest.shift() : undefined;
  const [signatureAlgorithm, signature, unsigned, ...more] = rest;
  if ((unsigned !== undefined && !isContext(unsigned, 1)) || more.length > 0) throw derError(what, "unknown parts");
  return {
    version: readSmallInteger(version, what),
    id: parseSignerId(sid),
    digestAlgorithmOid: readPlainAlgorithm(digestAlgorithm),
    signatureAlgorithmOid: readPlainAlgorithm(signatureAlgorithm),
    signature: readOctets(signature, "signature"),
    signedAttributes: parseAttributes(signed),
    // In the order of the message: a writer that does not sort hashed it unsorted.
    signedAttributesDer: signed && element(0x31, ...signed.children.map((child) => toDer(child))),
    unsignedAttributes: parseAttributes(unsigned),
  };
}

function parseSignerId(node: DerNode | undefined): ParsedSigner["id"] {
  if (isContext(node, 0)) return { subjectKeyId: Buffer.from(joinOctets(node, "signer")).toString("hex") };
  const [issuer, serial, ...rest] = sequenceOf(node, "signer");
  if (issuer === undefined || serial === undefined || rest.length > 0) throw derError("signer", "it is not named");
  return { issuerDer: toDer(issuer), serialDer: toDer(serial) };
}

function parseAttributes(node: DerNode | undefined): readonly ParsedAttribute[] {
  return (node?.children ?? []).map((child) => {
    const [type, values, ...rest] = sequenceOf(child, "attribute");
    if (rest.length > 0) throw derError("attribute", "it has more than a type and values");
    return { oid: readOid(type, "attribute"), values: setOf(values, "attribute") };
  });
}

/** An algorithm without parameters, or with NULL. */
function readPlainAlgorithm(node: DerNode | undefined): string {
  const { oid, parameters } = readAlgorithm(node, "algorithm");
  if (parameters !== undefined) throw derError("algorithm", `${oid} has parameters`);
  return oid;
}

/** The element with definite lengths all the way down. */
function toDer(node: DerNode): Uint8Array {
  if (node.tag >= 31) throw derError("signer info", "a tag number is too large");
  const identifier = node.bytes[0] ?? 0;
  if (!node.constructed) return element(identifier, node.value);
  return element(identifier, ...node.children.map((child) => toDer(child)));
}
