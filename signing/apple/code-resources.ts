/**
 * `_CodeSignature/CodeResources`: the sealed list of a bundle's files, byte
 * for byte as `codesign` writes it. Follows `resources.cpp` and
 * `signer.cpp` of Apple's Security framework.
 */
import { parsePlist, type ParsedPlist } from "../../build/formats/plist-parse.ts";
import { ErthError } from "../../runtime/base/errors.ts";
import { type CfPlist, encodeCfPlist } from "./cf-plist.ts";
import { RULES_1, RULES_2, ruleOf, rulesPlist } from "./resource-rules.ts";

/** What is sealed of one path. */
export type ResourceSeal =
  | { readonly kind: "file"; readonly sha1: Uint8Array; readonly sha256: Uint8Array }
  | { readonly kind: "link"; readonly target: string }
  /** `cdHash` (hex) is that of the code's first slice. */
  | { readonly kind: "nested"; readonly cdHash: string; readonly requirement: string };

/** The bytes of `CodeResources` for these paths from the seal's root; omitted paths are left out. */
export function encodeCodeResources(seals: ReadonlyMap<string, ResourceSeal>): Uint8Array {
  const files = new Map<string, CfPlist>();
  const files2 = new Map<string, CfPlist>();
  for (const [path, seal] of seals) {
    // 1. Version 1 knows files only, by their SHA-1.
    const rule1 = ruleOf(RULES_1, path);
    if (seal.kind === "file" && rule1 !== undefined && !rule1.isOmitted) {
      files.set(
        path,
        rule1.isOptional
          ? new Map<string, CfPlist>([
              ["hash", seal.sha1],
              ["optional", true],
            ])
          : seal.sha1,
      );
    }
    // 2. Version 2 knows links and nested code too.
    const rule2 = ruleOf(RULES_2, path);
    if (rule2 === undefined || rule2.isOmitted) continue;
    files2.set(path, new Map([...sealEntries(seal), ...(rule2.isOptional ? [["optional", true] as const] : [])]));
  }
  return encodeCfPlist(
    new Map<string, CfPlist>([
      ["files", files],
      ["files2", files2],
      ["rules", rulesPlist(RULES_1)],
      ["rules2", rulesPlist(RULES_2)],
    ]),
  );
}

function sealEntries(seal: ResourceSeal): readonly (readonly [string, CfPlist])[] {
  switch (seal.kind) {
    case "file":
      return [["hash2", seal.sha256]];
    case "link":
      return [["symlink", seal.target]];
    default:
      return [
        ["cdhash", Buffer.from(seal.cdHash, "hex")],
        ["requirement", seal.requirement],
      ];
  }
}

/** What `CodeResources` says of one path. */
export interface SealedResource {
  readonly sha1: Uint8Array | undefined;
  readonly sha256: Uint8Array | undefined;
  readonly link: string | undefined;
  readonly cdHash: Uint8Array | undefined;
  readonly requirement: string | undefined;
  readonly isOptional: boolean;
}

export interface CodeResources {
  readonly files: ReadonlyMap<string, SealedResource>;
  readonly files2: ReadonlyMap<string, SealedResource>;
  readonly hasStandardRules: boolean;
}

/** Parses `CodeResources`. Throws `CODERESOURCES_MALFORMED` or `PLIST_INVALID`. */
export function parseCodeResources(bytes: Uint8Array): CodeResources {
  const root = mapOf(parsePlist(bytes, "CodeResources"), "it");
  return {
    files: parseFiles(root.get("files")),
    files2: parseFiles(root.get("files2")),
    hasStandardRules: isSame(root.get("rules2"), rulesPlist(RULES_2)) && isSame(root.get("rules"), rulesPlist(RULES_1)),
  };
}

function parseFiles(value: ParsedPlist | undefined): ReadonlyMap<string, SealedResource> {
  const files = new Map<string, SealedResource>();
  if (value === undefined) return files;
  for (const [path, entry] of mapOf(value, "its list of files")) files.set(path, parseEntry(path, entry));
  return files;
}

function parseEntry(path: string, entry: ParsedPlist): SealedResource {
  const fields: ReadonlyMap<string, ParsedPlist> =
    entry instanceof Uint8Array ? new Map([["hash", entry]]) : mapOf(entry, `the entry ${path}`);
  const data = (key: string): Uint8Array | undefined => {
    const value = fields.get(key);
    if (value === undefined || value instanceof Uint8Array) return value;
    throw malformed(`${key} of ${path} is no data`);
  };
  const text = (key: string): string | undefined => {
    const value = fields.get(key);
    if (value === undefined || typeof value === "string") return value;
    throw malformed(`${key} of ${path} is no text`);
  };
  return {
    sha1: data("hash"),
    sha256: data("hash2"),
    link: text("symlink"),
    cdHash: data("cdhash"),
    requirement: text("requirement"),
    isOptional: fields.get("optional") === true,
  };
}

function mapOf(value: ParsedPlist, what: string): ReadonlyMap<string, ParsedPlist> {
  if (value instanceof Map) return value;
  throw malformed(`${what} is no dictionary`);
}

/** Structural equality of a parsed list with one of ours, which has no data in it. */
function isSame(parsed: ParsedPlist | undefined, ours: CfPlist): boolean {
  if (!(ours instanceof Map)) return parsed === ours;
  if (!(parsed instanceof Map) || parsed.size !== ours.size) return false;
  const entries: ReadonlyMap<string, CfPlist> = ours;
  return Array.from(entries).every(([key, value]) => isSame(parsed.get(key), value));
}

function malformed(what: string): ErthError {
  return new ErthError({
    code: "CODERESOURCES_MALFORMED",
    message: `_CodeSignature/CodeResources cannot be understood: ${what}.`,
    remedy: "erth sign",
  });
}
