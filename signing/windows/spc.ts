/**
 * What Authenticode puts into CMS: the indirect data that names the image's
 * digest, and Microsoft's attributes. Follows "Windows Authenticode Portable
 * Executable Signature Format" (2008), §"Authenticode-Specific Structures".
 */
import {
  type DerNode,
  derError,
  element,
  explicit,
  integer,
  nullValue,
  octetString,
  oid,
  parseDer,
  sequence,
} from "../cms/der.ts";
import { isContext, readAlgorithm, readOctets, readOid, sequenceOf } from "../cms/der-values.ts";
import { oids } from "../cms/oids.ts";

export const spcOids = {
  indirectData: "1.3.6.1.4.1.311.2.1.4",
  peImageData: "1.3.6.1.4.1.311.2.1.15",
  sipInfo: "1.3.6.1.4.1.311.2.1.30",
  statementType: "1.3.6.1.4.1.311.2.1.11",
  individualCodeSigning: "1.3.6.1.4.1.311.2.1.21",
  opusInfo: "1.3.6.1.4.1.311.2.1.12",
  nestedSignature: "1.3.6.1.4.1.311.2.4.1",
} as const;

const WHAT = "Authenticode indirect data";

/** The class of the provider that digests Windows Installer files: {000C10F1-0000-0000-C000-000000000046}. */
const MSI_PROVIDER = Buffer.from("f1100c0000000000c000000000000046", "hex");

/** The same for app packages: {0AC5DF4B-CE07-4DE2-B76E-23C839A09FD1}. */
const MSIX_PROVIDER = Buffer.from("4bdfc50a07cee24db76e23c839a09fd1", "hex");
const MSIX_SIP_VERSION = 0x01010000;

/** SpcIndirectDataContent of a PE image. */
export function encodePeIndirectData(sha256: Uint8Array): Uint8Array {
  // SpcPeImageData: no flags, and an empty file name, where old tools wrote "<<<Obsolete>>>".
  const flags = Uint8Array.of(0x03, 0x01, 0x00);
  const file = explicit(0, explicit(2, element(0x80)));
  return encodeIndirectData(sequence(oid(spcOids.peImageData), sequence(flags, file)), sha256);
}

/** SpcIndirectDataContent of a Windows Installer file: SpcSipInfo names who digests it, then five numbers that are not used. */
export function encodeMsiIndirectData(sha256: Uint8Array): Uint8Array {
  const unused = Array.from({ length: 5 }, () => integer(0));
  const info = sequence(integer(1), octetString(MSI_PROVIDER), ...unused);
  return encodeIndirectData(sequence(oid(spcOids.sipInfo), info), sha256);
}

/** SpcIndirectDataContent of an app package, whose several digests stand where otherwise one does. */
export function encodeMsixIndirectData(digests: Uint8Array): Uint8Array {
  const unused = Array.from({ length: 5 }, () => integer(0));
  const info = sequence(integer(MSIX_SIP_VERSION), octetString(MSIX_PROVIDER), ...unused);
  return encodeIndirectData(sequence(oid(spcOids.sipInfo), info), digests);
}

function encodeIndirectData(data: Uint8Array, sha256: Uint8Array): Uint8Array {
  return sequence(data, sequence(sequence(oid(oids.sha256), nullValue()), octetString(sha256)));
}

export interface IndirectData {
  /** What kind of data is digested: `spcOids.peImageData` for a PE image. */
  readonly dataOid: string;
  readonly digestOid: string;
  readonly digest: Uint8Array;
  /** What belongs to the kind: SpcPeImageData, SpcSipInfo. */
  readonly value: DerNode | undefined;
}

/** Reads SpcIndirectDataContent. Throws `DER_INVALID`. */
export function parseIndirectData(der: Uint8Array): IndirectData {
  const [data, digestInfo, ...rest] = sequenceOf(parseDer(der, { ber: true, what: WHAT }), WHAT);
  const [algorithm, digest, ...more] = sequenceOf(digestInfo, WHAT);
  if (rest.length > 0 || more.length > 0) throw derError(WHAT, "it has more elements than its standard knows");
  const [dataType, value] = sequenceOf(data, WHAT);
  return {
    dataOid: readOid(dataType, WHAT),
    value,
    digestOid: readAlgorithm(algorithm, WHAT).oid,
    digest: readOctets(digest, WHAT),
  };
}

/** SpcSpOpusInfo: the name that the UAC prompt shows, and a link beside it. */
export function encodeOpusInfo(info: { readonly description?: string; readonly url?: string }): Uint8Array {
  const parts: Uint8Array[] = [];
  if (info.description) parts.push(explicit(0, element(0x80, Buffer.from(info.description, "utf16le").swap16())));
  if (info.url) parts.push(explicit(1, element(0x80, Buffer.from(info.url, "latin1"))));
  return sequence(...parts);
}

/** Reads SpcSpOpusInfo. Throws `DER_INVALID`. */
export function parseOpusInfo(der: Uint8Array): { readonly description?: string; readonly url?: string } {
  const what = "Authenticode opus info";
  let info: { description?: string; url?: string } = {};
  for (const part of sequenceOf(parseDer(der, { ber: true, what }), what)) {
    const [choice] = part.children;
    if (isContext(part, 0)) info = { ...info, description: spcString(choice, what) };
    else if (isContext(part, 1) && isContext(choice, 0))
      info = { ...info, url: Buffer.from(choice.value).toString("latin1") };
  }
  return info;
}

/** SpcString: `[0]` is a BMPString, `[1]` an IA5String. */
function spcString(node: DerNode | undefined, what: string): string {
  if (node?.class !== "context" || node.tag > 1) throw derError(what, "its program name is no string");
  const bytes = Buffer.from(node.value);
  if (node.tag === 1) return bytes.toString("latin1");
  if (bytes.length % 2 === 1) throw derError(what, "its program name has half a character");
  return bytes.swap16().toString("utf16le");
}

/** SpcStatementType: signed by an individual's key, which is what every tool states. */
export function encodeStatementType(): Uint8Array {
  return sequence(oid(spcOids.individualCodeSigning));
}
