/** Reads requirement programs into trees; the reverse of `requirement.ts`, for every operation that Apple documents. */
import { hash } from "node:crypto";
import { type BoundedView, boundedView } from "../../build/formats/bounded-view.ts";
import { signatureMalformed } from "./mach-o-errors.ts";
import { REQUIREMENT_OP } from "./requirement.ts";
import { parseSuperBlob, REQUIREMENT_MAGIC, REQUIREMENTS_MAGIC, type SignatureBlob } from "./super-blob.ts";

const MAX_DEPTH = 64;
const EXPRESSION_FORM = 1;
/** The upper byte of an operation: how to treat it when it is not known. */
const OP_FLAG_MASK = 0xff000000;

export type Match =
  | { readonly op: "exists" | "absent" }
  | {
      readonly op: "equal" | "contains" | "beginsWith" | "endsWith" | "less" | "greater" | "lessEqual" | "greaterEqual";
      readonly value: Uint8Array;
    }
  | { readonly op: "on" | "before" | "after" | "onOrBefore" | "onOrAfter"; readonly time: bigint };

/** Certificate slots: 0 the leaf, counting up to the root; -1 the root, counting down. */
export type Requirement =
  | { readonly op: "always" | "never" | "anchorApple" | "anchorAppleGeneric" | "notarized" | "legacyDeveloperId" }
  | { readonly op: "anchorTrusted" }
  | { readonly op: "identifier"; readonly identifier: Uint8Array }
  | { readonly op: "anchorHash"; readonly slot: number; readonly sha1: Uint8Array }
  | { readonly op: "cdHash"; readonly cdHash: Uint8Array }
  | { readonly op: "and" | "or"; readonly left: Requirement; readonly right: Requirement }
  | { readonly op: "not"; readonly of: Requirement }
  | { readonly op: "infoField" | "entitlement"; readonly key: Uint8Array; readonly match: Match }
  | { readonly op: "certificateField"; readonly slot: number; readonly field: Uint8Array; readonly match: Match }
  | {
      readonly op: "certificateExtension" | "certificatePolicy" | "certificateDate";
      readonly slot: number;
      readonly oid: string;
      readonly match: Match;
    }
  | { readonly op: "certificateTrusted"; readonly slot: number }
  | { readonly op: "namedAnchor" | "namedCode"; readonly name: Uint8Array }
  | { readonly op: "platform"; readonly platform: number };

/** The requirements of a Requirements blob by type: 1 host, 2 guest, 3 designated, 4 library. Throws `CODESIGN_MALFORMED`. */
export function parseRequirements(blob: Uint8Array): ReadonlyMap<number, Requirement> {
  return new Map(requirementBlobs(blob).map(({ slot, bytes }) => [slot, parseRequirement(bytes)] as const));
}

function requirementBlobs(blob: Uint8Array): readonly SignatureBlob[] {
  return parseSuperBlob(blob, REQUIREMENTS_MAGIC);
}

/** One requirement blob as a tree. Throws `CODESIGN_MALFORMED`, also where something follows the expression. */
export function parseRequirement(blob: Uint8Array): Requirement {
  const view = boundedView(blob, "big", signatureMalformed);
  const what = "a requirement";
  if (view.u32(0, what) !== REQUIREMENT_MAGIC || view.u32(8, what) !== EXPRESSION_FORM) {
    throw signatureMalformed("a requirement is of an unknown form");
  }
  const reader = createReader(view, 12);
  const requirement = readExpression(reader, 0);
  if (reader.position() !== blob.length) throw signatureMalformed("a requirement has bytes after its expression");
  return requirement;
}

/** The SHA-1 of a certificate, by which `anchorHash` names it. */
export function certificateSha1(der: Uint8Array): Uint8Array {
  return hash("sha1", der, "buffer");
}

interface Reader {
  word(): number;
  signed(): number;
  long(): bigint;
  data(): Uint8Array;
  position(): number;
}

function createReader(view: BoundedView, start: number): Reader {
  let at = start;
  const word = (): number => {
    at += 4;
    return view.u32(at - 4, "a requirement");
  };
  return {
    word,
    signed: () => word() | 0,
    long: () => (BigInt(word()) << 32n) | BigInt(word()),
    data() {
      const bytes = view.bytes(at + 4, view.u32(at, "a requirement"), "a value of a requirement");
      at += 4 + Math.ceil(bytes.length / 4) * 4;
      return bytes;
    },
    position: () => at,
  };
}

function readExpression(reader: Reader, depth: number): Requirement {
  if (depth > MAX_DEPTH) throw signatureMalformed(`a requirement is nested deeper than ${MAX_DEPTH}`);
  const raw = reader.word();
  const code = raw & ~OP_FLAG_MASK;
  const inner = (): Requirement => readExpression(reader, depth + 1);
  const op = REQUIREMENT_OP;
  switch (code) {
    case op.false:
      return { op: "never" };
    case op.true:
      return { op: "always" };
    case op.identifier:
      return { op: "identifier", identifier: reader.data() };
    case op.anchorApple:
      return { op: "anchorApple" };
    case op.anchorHash:
      return { op: "anchorHash", slot: reader.signed(), sha1: reader.data() };
    case op.infoKeyValue:
      return { op: "infoField", key: reader.data(), match: { op: "equal", value: reader.data() } };
    case op.and:
      return { op: "and", left: inner(), right: inner() };
    case op.or:
      return { op: "or", left: inner(), right: inner() };
    case op.cdHash:
      return { op: "cdHash", cdHash: reader.data() };
    case op.not:
      return { op: "not", of: inner() };
    case op.infoKeyField:
      return { op: "infoField", key: reader.data(), match: readMatch(reader) };
    case op.certificateField:
      return { op: "certificateField", slot: reader.signed(), field: reader.data(), match: readMatch(reader) };
    case op.trustedCertificate:
      return { op: "certificateTrusted", slot: reader.signed() };
    case op.trustedCertificates:
      return { op: "anchorTrusted" };
    case op.certificateGeneric:
      return { op: "certificateExtension", slot: reader.signed(), oid: readOidText(reader), match: readMatch(reader) };
    case op.anchorAppleGeneric:
      return { op: "anchorAppleGeneric" };
    case op.entitlementField:
      return { op: "entitlement", key: reader.data(), match: readMatch(reader) };
    case op.certificatePolicy:
      return { op: "certificatePolicy", slot: reader.signed(), oid: readOidText(reader), match: readMatch(reader) };
    case op.namedAnchor:
      return { op: "namedAnchor", name: reader.data() };
    case op.namedCode:
      return { op: "namedCode", name: reader.data() };
    case op.platform:
      return { op: "platform", platform: reader.signed() };
    case op.notarized:
      return { op: "notarized" };
    case op.certificateFieldDate:
      return { op: "certificateDate", slot: reader.signed(), oid: readOidText(reader), match: readMatch(reader) };
    case op.legacyDeveloperId:
      return { op: "legacyDeveloperId" };
    default:
      throw signatureMalformed(`a requirement has the unknown operation 0x${raw.toString(16)}`);
  }
}

const VALUE_MATCHES = [
  "equal",
  "contains",
  "beginsWith",
  "endsWith",
  "less",
  "greater",
  "lessEqual",
  "greaterEqual",
] as const;
const TIME_MATCHES = ["on", "before", "after", "onOrBefore", "onOrAfter"] as const;

function readMatch(reader: Reader): Match {
  const code = reader.word();
  if (code === 0) return { op: "exists" };
  const value = VALUE_MATCHES[code - 1];
  if (value !== undefined) return { op: value, value: reader.data() };
  const time = TIME_MATCHES[code - 1 - VALUE_MATCHES.length];
  if (time !== undefined) return { op: time, time: reader.long() };
  if (code === 1 + VALUE_MATCHES.length + TIME_MATCHES.length) return { op: "absent" };
  throw signatureMalformed(`a requirement has the unknown match ${code}`);
}

/** An object identifier's content octets as dotted text (X.690 §8.19). */
function readOidText(reader: Reader): string {
  const octets = reader.data();
  const arcs: number[] = [];
  let arc = 0;
  for (const octet of octets) {
    arc = arc * 128 + (octet & 0x7f);
    if (arc > 0xffffffff) throw signatureMalformed("an object identifier of a requirement is too long");
    if (octet >= 0x80) continue;
    arcs.push(arc);
    arc = 0;
  }
  const [head = 0, ...rest] = arcs;
  if (arcs.length === 0 || (octets.at(-1) ?? 0) >= 0x80) throw signatureMalformed("an object identifier is cut off");
  const first = Math.min(2, Math.floor(head / 40));
  return [first, head - first * 40, ...rest].join(".");
}
