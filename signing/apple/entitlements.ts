/**
 * Entitlements: what the hardened runtime lets a program do. They are sealed
 * twice, as a property list in XML and in DER, and the two must say the same.
 * The DER form follows Apple's CoreEntitlements.
 *
 * They are always given, never taken over from a vendor's signature: Node's
 * published program carries `com.apple.security.get-task-allow`, with which
 * Apple refuses to notarize.
 */
import { parsePlist, type ParsedPlist } from "../../build/formats/plist-parse.ts";
import { renderPlist, type PlistValue } from "../../build/formats/plist.ts";
import { boolean, type DerNode, derError, element, integer, parseDer, sequence, tags, utf8String } from "../cms/der.ts";
import { isUniversal, readBoolean, readInteger, readString, sequenceOf } from "../cms/der-values.ts";

export type EntitlementValue =
  | boolean
  | number
  | string
  | readonly EntitlementValue[]
  | { readonly [key: string]: EntitlementValue };

export type Entitlements = Readonly<Record<string, EntitlementValue>>;

const PREFIX = "com.apple.security";
export const GET_TASK_ALLOW = `${PREFIX}.get-task-allow`;
export const ALLOW_JIT = `${PREFIX}.cs.allow-jit`;

/** What a program that embeds a JavaScript engine needs to run hardened; without it, it is notarized and dies at its start. */
export const JIT_ENTITLEMENTS: Entitlements = {
  // MAP_JIT memory, for compiled code.
  [ALLOW_JIT]: true,
  // The engines also write code to memory that was not mapped with MAP_JIT: trampolines, FFI stubs.
  [`${PREFIX}.cs.allow-unsigned-executable-memory`]: true,
  // Native addons and libwebview may be signed by others, or ad hoc.
  [`${PREFIX}.cs.disable-library-validation`]: true,
};

/** For the programs of Bun and of Node. */
export const RUNTIME_ENTITLEMENTS: Readonly<Record<"bun" | "node", Entitlements>> = {
  bun: {
    ...JIT_ENTITLEMENTS,
    // Bun's documentation asks for it, besides the engine's three.
    [`${PREFIX}.cs.disable-executable-page-protection`]: true,
  },
  node: JIT_ENTITLEMENTS,
};

// [APPLICATION 16], constructed; and [16], constructed.
const TOP_TAG = 0x70;
const DICTIONARY_TAG = 0xb0;
const VERSION = 1;

/** The property list in XML, keys sorted. */
export function encodeEntitlementsXml(entitlements: Entitlements): Uint8Array {
  return Buffer.from(renderPlist(sorted(entitlements)));
}

/** The DER form, keys sorted. */
export function encodeEntitlementsDer(entitlements: Entitlements): Uint8Array {
  return element(TOP_TAG, integer(VERSION), encodeValue(entitlements));
}

/** Parses the XML form into a canonical tree. Throws `PLIST_INVALID`; values that no entitlement can have too. */
export function parseEntitlementsXml(xml: Uint8Array): Entitlements {
  const parsed = parsePlist(xml, "entitlements");
  if (!(parsed instanceof Map)) throw derError("entitlements", "they are no dictionary");
  return dictionaryOf(parsed);
}

/** Parses the DER form. Throws `DER_INVALID`. */
export function parseEntitlementsDer(der: Uint8Array): Entitlements {
  const what = "entitlements";
  const top = parseDer(der, { what });
  const [version, dictionary, ...rest] = top.children;
  if (top.class !== "application" || top.tag !== 16 || rest.length > 0)
    throw derError(what, "they are of another kind");
  if (readInteger(version, what) !== BigInt(VERSION)) throw derError(what, "they have another version than 1");
  if (dictionary === undefined || !isDictionary(dictionary)) throw derError(what, "they are no dictionary");
  return readDictionary(dictionary);
}

/** Whether two sets of entitlements say the same, whatever the order of their keys. */
export function sameEntitlements(a: Entitlements, b: Entitlements): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function isList(value: EntitlementValue): value is readonly EntitlementValue[] {
  return Array.isArray(value);
}

function sortedKeys(dictionary: Entitlements): readonly (readonly [string, EntitlementValue])[] {
  return Object.entries(dictionary).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function sorted(value: EntitlementValue): PlistValue {
  if (isList(value)) return value.map(sorted);
  if (typeof value !== "object") return value;
  return Object.fromEntries(sortedKeys(value).map(([key, member]) => [key, sorted(member)]));
}

function encodeValue(value: EntitlementValue): Uint8Array {
  if (typeof value === "boolean") return boolean(value);
  if (typeof value === "number") return integer(value);
  if (typeof value === "string") return utf8String(value);
  if (isList(value)) return sequence(...value.map(encodeValue));
  const pairs = sortedKeys(value).map(([key, member]) => sequence(utf8String(key), encodeValue(member)));
  return element(DICTIONARY_TAG, ...pairs);
}

function isDictionary(node: DerNode): boolean {
  return node.class === "context" && node.tag === 16 && node.constructed;
}

function readDictionary(node: DerNode): Entitlements {
  const entries: [string, EntitlementValue][] = [];
  for (const pair of node.children) {
    const [key, value, ...rest] = sequenceOf(pair, "entitlements");
    if (value === undefined || rest.length > 0) throw derError("entitlements", "a pair has not two members");
    const name = readString(key, "entitlements");
    const before = entries.at(-1)?.[0];
    if (before !== undefined && Buffer.compare(Buffer.from(before), Buffer.from(name)) >= 0) {
      throw derError("entitlements", `the key ${name} is out of order`);
    }
    entries.push([name, readValue(value)]);
  }
  return Object.fromEntries(entries);
}

function readValue(node: DerNode): EntitlementValue {
  if (isDictionary(node)) return readDictionary(node);
  if (isUniversal(node, tags.sequence)) return node.children.map(readValue);
  if (isUniversal(node, tags.boolean)) return readBoolean(node, "entitlements");
  if (isUniversal(node, tags.integer)) return Number(readInteger(node, "entitlements"));
  return readString(node, "entitlements");
}

function dictionaryOf(map: ReadonlyMap<string, ParsedPlist>): Entitlements {
  return Object.fromEntries(Array.from(map, ([key, value]) => [key, valueOf(value)]));
}

function valueOf(value: ParsedPlist): EntitlementValue {
  if (typeof value !== "object") return value;
  if (value instanceof Map) return dictionaryOf(value);
  if (value instanceof Date || value instanceof Uint8Array) throw derError("entitlements", "a value is a date or data");
  return isPlistList(value) ? value.map(valueOf) : dictionaryOf(value);
}

function isPlistList(value: ParsedPlist): value is readonly ParsedPlist[] {
  return Array.isArray(value);
}
