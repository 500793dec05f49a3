/**
 * DER, the one byte form of ASN.1 that signatures use: a strict reader, and a
 * tolerant one for the BER that Apple's and some authorities' tools write; the
 * writer functions of `der-writer.ts` come along. Follows ITU-T X.690 (2021);
 * the section is named at each rule.
 */
import { ErthError } from "../../runtime/base/errors.ts";

export * from "./der-writer.ts";

export type DerClass = "universal" | "application" | "context" | "private";

/** One element. All byte views share the parsed buffer. */
export interface DerNode {
  readonly class: DerClass;
  readonly tag: number;
  readonly constructed: boolean;
  /** Empty for a primitive element. */
  readonly children: readonly DerNode[];
  /** The content octets, without the end-of-contents octets of an indefinite length. */
  readonly value: Uint8Array;
  /** The whole element: identifier, length and content. */
  readonly bytes: Uint8Array;
  /** Offsets of `bytes` in what was parsed. */
  readonly start: number;
  readonly end: number;
}

export interface DerOptions {
  /** Accepts BER: indefinite lengths, long length forms, constructed strings. */
  readonly ber?: boolean;
  /** What is being read, for the message: `certificate`. */
  readonly what?: string;
  /** Bytes after the element are then not an error; `end` says where they start. */
  readonly allowTrailing?: boolean;
}

/** Universal tag numbers (X.680 §8.6). */
export const tags = {
  boolean: 1,
  integer: 2,
  bitString: 3,
  octetString: 4,
  null: 5,
  oid: 6,
  enumerated: 10,
  utf8String: 12,
  sequence: 16,
  set: 17,
  printableString: 19,
  teletexString: 20,
  ia5String: 22,
  utcTime: 23,
  generalizedTime: 24,
  visibleString: 26,
  universalString: 28,
  bmpString: 30,
} as const;

const CLASSES = ["universal", "application", "context", "private"] as const;
const MAX_DEPTH = 48;
const MAX_BYTES = 32 * 1024 * 1024;
const MAX_NODES = 250_000;

/** Parses one element and its children; anything malformed is an `ErthError` `DER_INVALID` that names the offset. */
export function parseDer(bytes: Uint8Array, options: DerOptions = {}): DerNode {
  const what = options.what ?? "ASN.1 data";
  const ber = options.ber ?? false;
  let nodes = 0;

  const fail = (at: number, why: string): never => {
    throw derError(what, `${why} at byte ${at} of ${bytes.length}`);
  };
  const byteAt = (at: number, limit: number): number => {
    const byte = at < limit ? bytes[at] : undefined;
    return byte ?? fail(at, "the data ends too early");
  };

  const readTag = (start: number, limit: number): { tag: number; at: number } => {
    const low = byteAt(start, limit) & 0x1f;
    if (low !== 0x1f) return { tag: low, at: start + 1 };
    // §8.1.2.4: the number in base 128; four octets hold more than any standard uses.
    let tag = 0;
    for (let at = start + 1; at < start + 5; at++) {
      const byte = byteAt(at, limit);
      if (tag === 0 && byte === 0x80) fail(at, "a tag number is padded");
      tag = tag * 128 + (byte & 0x7f);
      if (byte < 0x80) return tag < 31 ? fail(at, "a small tag number has the long form") : { tag, at: at + 1 };
    }
    return fail(start, "a tag number is too large");
  };

  /** `length` is undefined for the indefinite form. */
  const readLength = (start: number, limit: number): { length: number | undefined; at: number } => {
    const first = byteAt(start, limit);
    if (first < 0x80) return { length: first, at: start + 1 };
    if (first === 0x80) return ber ? { length: undefined, at: start + 1 } : fail(start, "an indefinite length");
    const count = first & 0x7f;
    let length = 0;
    for (let index = 1; index <= count; index++) {
      length = length * 256 + byteAt(start + index, limit);
      if (length > MAX_BYTES) fail(start, "a length beyond the data");
      // §10.1: the fewest octets that hold the length.
      if (!ber && index === 1 && length === 0) fail(start, "a padded length");
    }
    if (!ber && length < 0x80) fail(start, "a short length in the long form");
    return { length, at: start + 1 + count };
  };

  const readNode = (start: number, limit: number, depth: number): DerNode => {
    if (depth > MAX_DEPTH) fail(start, `more than ${MAX_DEPTH} levels`);
    if (++nodes > MAX_NODES) fail(start, `more than ${MAX_NODES} elements`);
    const identifier = byteAt(start, limit);
    const constructed = (identifier & 0x20) !== 0;
    const { tag, at: lengthAt } = readTag(start, limit);
    const { length, at } = readLength(lengthAt, limit);
    if (length !== undefined && at + length > limit) fail(start, `an element of ${length} bytes that does not fit`);
    if (length === undefined && !constructed) fail(start, "an indefinite length on a primitive element");
    const contentLimit = length === undefined ? limit : at + length;
    const children: DerNode[] = [];
    let next = at;
    if (constructed) {
      // §8.1.5: an indefinite length ends with two zero octets.
      const isAtEnd = (): boolean =>
        length === undefined ? byteAt(next, limit) === 0 && byteAt(next + 1, limit) === 0 : next >= contentLimit;
      while (!isAtEnd()) {
        const child = readNode(next, contentLimit, depth + 1);
        children.push(child);
        next = child.end;
      }
    }
    const contentEnd = length === undefined ? next : contentLimit;
    const end = length === undefined ? next + 2 : contentLimit;
    const node: DerNode = {
      class: CLASSES[identifier >> 6] ?? "universal",
      tag,
      constructed,
      children,
      value: bytes.subarray(at, contentEnd),
      bytes: bytes.subarray(start, end),
      start,
      end,
    };
    const wrong = faultOf(node, ber);
    return wrong === undefined ? node : fail(start, wrong);
  };

  if (bytes.length > MAX_BYTES) fail(0, `more than ${MAX_BYTES} bytes`);
  const root = readNode(0, bytes.length, 0);
  if (!options.allowTrailing && root.end !== bytes.length) fail(root.end, `${bytes.length - root.end} extra bytes`);
  return root;
}

/** The error for data that is not what it should be. */
export function derError(what: string, why: string): ErthError {
  return new ErthError({
    code: "DER_INVALID",
    message: `The ${what} cannot be read: ${why}.`,
    remedy: `the ${what} is damaged or of another kind: make or export it again`,
  });
}

/** What is wrong with a universal element's own form, or undefined. */
function faultOf(node: DerNode, ber: boolean): string | undefined {
  if (node.class !== "universal") return undefined;
  const { tag, value } = node;
  if (tag === 0) return "an end-of-contents mark in the wrong place";
  const isContainer = tag === tags.sequence || tag === tags.set;
  if (isContainer) return node.constructed ? undefined : "a primitive SEQUENCE or SET";
  const neverConstructed = [tags.boolean, tags.integer, tags.null, tags.oid, tags.enumerated].some((it) => it === tag);
  // §10.2: strings are primitive in DER; 8 and 11 are EXTERNAL and EMBEDDED PDV, which are sequences.
  if (node.constructed && (neverConstructed || (!ber && tag !== 8 && tag !== 11))) return "a constructed primitive";
  if (tag === tags.boolean && (value.length !== 1 || (!ber && value[0] !== 0 && value[0] !== 0xff))) {
    return "a BOOLEAN that is neither 00 nor ff";
  }
  if (tag === tags.null && value.length > 0) return "a NULL with content";
  if (tag === tags.oid && (value.length === 0 || (value.at(-1) ?? 0x80) >= 0x80)) return "a cut object identifier";
  if (tag === tags.integer || tag === tags.enumerated) {
    if (value.length === 0) return "an empty INTEGER";
    // §8.3.2: the first nine bits are not all the same.
    const [first = 0, second = 0] = value;
    const isPadded = value.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
    if (isPadded && !ber) return "a padded INTEGER";
  }
  return undefined;
}
