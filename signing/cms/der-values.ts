/**
 * From parsed elements to values: integers, names, times. Each reader checks
 * the tag, so that a structure in the wrong shape is an error and never a
 * guess. `what` names the field in that error, as its standard does.
 */
import { type DerNode, derError, tags } from "./der.ts";

type UniversalNode = DerNode & { readonly class: "universal" };
type ContextNode = DerNode & { readonly class: "context" };

/** Whether the element has this universal tag. */
export function isUniversal(node: DerNode | undefined, tag: number): node is UniversalNode {
  return node?.class === "universal" && node.tag === tag;
}

/** Whether the element is `[n]` of the context class. */
export function isContext(node: DerNode | undefined, n: number): node is ContextNode {
  return node?.class === "context" && node.tag === n;
}

/** The children of a SEQUENCE. */
export function sequenceOf(node: DerNode | undefined, what: string): readonly DerNode[] {
  return expectUniversal(node, tags.sequence, what).children;
}

/** The children of a SET. */
export function setOf(node: DerNode | undefined, what: string): readonly DerNode[] {
  return expectUniversal(node, tags.set, what).children;
}

/** The dotted form of an OBJECT IDENTIFIER. */
export function readOid(node: DerNode | undefined, what: string): string {
  const { value } = expectUniversal(node, tags.oid, what);
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const octet of value) {
    if (arc === 0n && octet === 0x80) throw derError(what, "an object identifier is padded");
    arc = (arc << 7n) | BigInt(octet & 0x7f);
    if (arc > 1n << 128n) throw derError(what, "an object identifier is too long");
    if (octet < 0x80) {
      arcs.push(arc);
      arc = 0n;
    }
  }
  const [head = 0n, ...rest] = arcs;
  const first = head < 80n ? head / 40n : 2n;
  return [first, head - first * 40n, ...rest].join(".");
}

/** An INTEGER or ENUMERATED of any size. */
export function readInteger(node: DerNode | undefined, what: string): bigint {
  const isEnumerated = isUniversal(node, tags.enumerated);
  const { value } = expectUniversal(node, isEnumerated ? tags.enumerated : tags.integer, what);
  if (value.length > 4096) throw derError(what, `an INTEGER of ${value.length} bytes`);
  const unsigned = BigInt(`0x${Buffer.from(value).toString("hex")}`);
  return BigInt.asIntN(value.length * 8, unsigned);
}

/** An INTEGER that fits 31 bits: versions, counts, states. */
export function readSmallInteger(node: DerNode | undefined, what: string): number {
  const value = readInteger(node, what);
  if (value < -0x7fffffffn || value > 0x7fffffffn) throw derError(what, "an INTEGER is out of range");
  return Number(value);
}

/** An OCTET STRING's octets; the pieces of a constructed one are joined. */
export function readOctets(node: DerNode | undefined, what: string): Uint8Array {
  return joinOctets(expectUniversal(node, tags.octetString, what), what);
}

/** The octets of an OCTET STRING under any tag (`[0] IMPLICIT OCTET STRING`). */
export function joinOctets(node: DerNode, what: string): Uint8Array {
  if (!node.constructed) return node.value;
  return Buffer.concat(node.children.map((piece) => readOctets(piece, what)));
}

/** A BIT STRING of whole octets. */
export function readBits(node: DerNode | undefined, what: string): Uint8Array {
  const { value, constructed } = expectUniversal(node, tags.bitString, what);
  if (constructed || value[0] !== 0) throw derError(what, "a BIT STRING is not of whole octets");
  return value.subarray(1);
}

export function readBoolean(node: DerNode | undefined, what: string): boolean {
  return expectUniversal(node, tags.boolean, what).value[0] !== 0;
}

/** Text of any of the string types; a type that is none is an error. */
export function readString(node: DerNode | undefined, what: string): string {
  if (node?.class !== "universal" || node.constructed) throw derError(what, "a string is missing");
  const bytes = Buffer.from(node.value);
  switch (node.tag) {
    case tags.utf8String:
      return bytes.toString("utf8");
    case tags.printableString:
    case tags.ia5String:
    case tags.visibleString:
    case tags.teletexString:
      return bytes.toString("latin1");
    case tags.bmpString:
      if (bytes.length % 2 === 1) throw derError(what, "a BMPString has half a character");
      return bytes.swap16().toString("utf16le");
    case tags.universalString:
      return Array.from({ length: Math.floor(bytes.length / 4) }, (_, index) => bytes.readUInt32BE(index * 4))
        .map((point) => String.fromCodePoint(Math.min(point, 0x10ffff)))
        .join("");
    default:
      throw derError(what, `the tag ${node.tag} is no string`);
  }
}

/** UTCTime or GeneralizedTime in UTC; fractions of a second are kept to the millisecond. */
export function readTime(node: DerNode | undefined, what: string): Date {
  const isUtcTime = isUniversal(node, tags.utcTime);
  const { value } = expectUniversal(node, isUtcTime ? tags.utcTime : tags.generalizedTime, what);
  const text = Buffer.from(value).toString("latin1");
  const pattern = isUtcTime
    ? /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})()Z$/
    : /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(?:[.,](\d{1,9}))?Z$/;
  const [, year = "", month, day, hour, minute, second, fraction = ""] = pattern.exec(text) ?? [];
  if (year === "") throw derError(what, `"${text.replaceAll(/[^\x20-\x7e]/g, "?")}" is no time in UTC`);
  // RFC 5280 §4.1.2.5.1: two digits from 50 on are of the last century.
  const century = isUtcTime ? (Number(year) >= 50 ? "19" : "20") : "";
  const milliseconds = fraction.slice(0, 3).padEnd(3, "0");
  const iso = `${century}${year}-${month}-${day}T${hour}:${minute}:${second}.${milliseconds}Z`;
  const date = new Date(iso);
  // `Date` takes the 31st of February for the 3rd of March.
  if (Number.isNaN(date.getTime()) || date.toISOString() !== iso) throw derError(what, `${iso} is no real time`);
  return date;
}

/** An AlgorithmIdentifier: its OID, and its parameters unless they are absent or NULL. */
export function readAlgorithm(node: DerNode | undefined, what: string): { oid: string; parameters?: DerNode } {
  const [algorithm, parameters, ...rest] = sequenceOf(node, what);
  if (rest.length > 0) throw derError(what, "an AlgorithmIdentifier of more than two elements");
  const oid = readOid(algorithm, what);
  return parameters === undefined || isUniversal(parameters, tags.null) ? { oid } : { oid, parameters };
}

function expectUniversal(node: DerNode | undefined, tag: number, what: string): DerNode {
  if (node?.class === "universal" && node.tag === tag) return node;
  const name = Object.entries(tags).find(([, number]) => number === tag)?.[0] ?? String(tag);
  const found = node === undefined ? "nothing" : `${node.class} tag ${node.tag}`;
  throw derError(what, `${name} is expected, found ${found}`);
}
