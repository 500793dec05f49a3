/**
 * Code requirements: who a piece of code must be signed by, as a prefix
 * program of big-endian words. The designated requirement is the one by which
 * macOS tells that an update is the same app. Follows `requirement.h` and
 * `drmaker.cpp` of Apple's Security framework.
 */
import { oid } from "../cms/der.ts";
import { encodeBlob, REQUIREMENT_MAGIC, REQUIREMENTS_MAGIC } from "./super-blob.ts";

/** Apple's certificate extensions: `1.2.840.113635.100.6.…`. */
export const APPLE_OID = {
  developerIdCa: "1.2.840.113635.100.6.2.6",
  developerIdApplication: "1.2.840.113635.100.6.1.13",
  developerIdInstaller: "1.2.840.113635.100.6.1.14",
} as const;

export const REQUIREMENT_OP = {
  false: 0,
  true: 1,
  identifier: 2,
  anchorApple: 3,
  anchorHash: 4,
  infoKeyValue: 5,
  and: 6,
  or: 7,
  cdHash: 8,
  not: 9,
  infoKeyField: 10,
  certificateField: 11,
  trustedCertificate: 12,
  trustedCertificates: 13,
  certificateGeneric: 14,
  anchorAppleGeneric: 15,
  entitlementField: 16,
  certificatePolicy: 17,
  namedAnchor: 18,
  namedCode: 19,
  platform: 20,
  notarized: 21,
  certificateFieldDate: 22,
  legacyDeveloperId: 23,
} as const;

export const MATCH_OP = { exists: 0, equal: 1 } as const;
const EXPRESSION_FORM = 1;
export const DESIGNATED_TYPE = 3;
/** Slots of a certificate in its chain: 0 the leaf, -1 the root. */
export const LEAF_SLOT = 0;
const INTERMEDIATE_SLOT = 1;

/** The Requirements blob without any: what ad-hoc signatures carry. */
export function encodeNoRequirements(): Uint8Array {
  return encodeBlob(REQUIREMENTS_MAGIC, words(0));
}

/**
 * The Requirements blob with the designated requirement of Developer ID code:
 * this identifier, by this team, under any of its Developer ID certificates.
 */
export function encodeDeveloperIdRequirements(identifier: string, teamId: string): Uint8Array {
  const op = REQUIREMENT_OP;
  return encodeDesignated(
    all(
      join(words(op.identifier), data(Buffer.from(identifier))),
      words(op.anchorAppleGeneric),
      certificateExists(INTERMEDIATE_SLOT, APPLE_OID.developerIdCa),
      certificateExists(LEAF_SLOT, APPLE_OID.developerIdApplication),
      join(
        words(op.certificateField, LEAF_SLOT),
        data(Buffer.from("subject.OU")),
        words(MATCH_OP.equal),
        data(Buffer.from(teamId)),
      ),
    ),
  );
}

/**
 * The Requirements blob for a certificate that is no Developer ID: this
 * identifier, signed by exactly this leaf (its SHA-1, 20 bytes).
 */
export function encodeLeafRequirements(identifier: string, leafSha1: Uint8Array): Uint8Array {
  const op = REQUIREMENT_OP;
  return encodeDesignated(
    all(
      join(words(op.identifier), data(Buffer.from(identifier))),
      join(words(op.anchorHash, LEAF_SLOT), data(leafSha1)),
    ),
  );
}

/** A count, then type and offset of each; here the designated one alone. */
function encodeDesignated(expression: Uint8Array): Uint8Array {
  const requirement = encodeBlob(REQUIREMENT_MAGIC, join(words(EXPRESSION_FORM), expression));
  const offset = 20;
  return encodeBlob(REQUIREMENTS_MAGIC, join(words(1, DESIGNATED_TYPE, offset), requirement));
}

function certificateExists(slot: number, dottedOid: string): Uint8Array {
  return join(words(REQUIREMENT_OP.certificateGeneric, slot), data(oidContent(dottedOid)), words(MATCH_OP.exists));
}

/** The content octets of an object identifier, without tag and length. */
export function oidContent(dottedOid: string): Uint8Array {
  // Object identifiers of code signing are far shorter than 128 bytes, so tag and length take one byte each.
  return oid(dottedOid).subarray(2);
}

/** `and` takes two: a list nests to the right. */
function all(...parts: readonly Uint8Array[]): Uint8Array {
  return parts.reduceRight((rest, part) => join(words(REQUIREMENT_OP.and), part, rest));
}

function words(...values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeInt32BE(value, index * 4);
  return bytes;
}

/** A length, the bytes, and zeros up to a multiple of four. */
function data(bytes: Uint8Array): Uint8Array {
  return join(words(bytes.length), bytes, new Uint8Array((4 - (bytes.length % 4)) % 4));
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}
