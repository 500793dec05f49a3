/**
 * Authenticode signatures, taken apart: CMS, indirect data, opus info,
 * timestamp and the signatures nested in it. Reads what other tools wrote, and
 * takes nothing for granted.
 */
import { ErthError, type Problem } from "../../runtime/base/errors.ts";
import { derError } from "../cms/der.ts";
import { type ParsedSignedData, type ParsedSigner, parseSignedData } from "../cms/parse-signed-data.ts";
import { oids } from "../cms/oids.ts";
import { type IndirectData, parseIndirectData, parseOpusInfo, spcOids } from "./spc.ts";

export interface AuthenticodeSignature {
  readonly signed: ParsedSignedData;
  readonly signer: ParsedSigner;
  readonly indirect: IndirectData;
  readonly opus: { readonly description?: string; readonly url?: string };
  /** RFC 3161 token, DER or BER. */
  readonly timestampToken: Uint8Array | undefined;
  /** Stamped the way of before RFC 3161. */
  readonly hasLegacyTimestamp: boolean;
  /** ContentInfo of each nested signature. */
  readonly nested: readonly Uint8Array[];
}

const WHAT = "Authenticode signature";
const COUNTER_SIGNATURE = "1.2.840.113549.1.9.6";

/** Parses a ContentInfo; zero padding may follow it. Throws `DER_INVALID`. */
export function parseSignature(der: Uint8Array): AuthenticodeSignature {
  const signed = parseSignedData(der);
  if (signed.contentTypeOid !== spcOids.indirectData || !signed.content) {
    throw derError(WHAT, `its content is ${signed.contentTypeOid}, not SpcIndirectDataContent`);
  }
  const [signer, ...others] = signed.signers;
  if (!signer || others.length > 0) throw derError(WHAT, `it has ${signed.signers.length} signers, not one`);
  const unsignedValues = (oid: string): readonly Uint8Array[] =>
    signer.unsignedAttributes
      .filter((one) => one.oid === oid)
      .flatMap(({ values }) => values.map(({ bytes }) => bytes));
  const tokens = [...unsignedValues(oids.microsoftTimestampToken), ...unsignedValues(oids.timestampToken)];
  if (tokens.length > 1) throw derError(WHAT, `it has ${tokens.length} timestamps, not one`);
  const opus = signer.signedAttributes.find(({ oid }) => oid === spcOids.opusInfo)?.values[0];
  return {
    signed,
    signer,
    indirect: parseIndirectData(signed.content.bytes),
    opus: opus ? parseOpusInfo(opus.bytes) : {},
    timestampToken: tokens[0],
    hasLegacyTimestamp: unsignedValues(COUNTER_SIGNATURE).length > 0,
    nested: unsignedValues(spcOids.nestedSignature),
  };
}

export interface FoundSignature {
  /** `0` for the first of the table, `0.1` for the second nested in it. */
  readonly index: string;
  readonly signature: AuthenticodeSignature;
}

const MAX_NESTING = 4;
const MAX_SIGNATURES = 32;

/** The signatures of these table entries, each followed by those nested in it, and why others cannot be read. */
export function readSignatures(contents: readonly Uint8Array[]): {
  readonly found: readonly FoundSignature[];
  readonly problems: readonly Problem[];
} {
  const found: FoundSignature[] = [];
  const problems: Problem[] = [];
  const read = (content: Uint8Array, index: string, depth: number): void => {
    try {
      if (depth > MAX_NESTING || found.length >= MAX_SIGNATURES)
        throw derError(WHAT, "it is nested too deep, or one too many");
      const signature = parseSignature(content);
      found.push({ index, signature });
      for (const [at, nested] of signature.nested.entries()) read(nested, `${index}.${at}`, depth + 1);
    } catch (cause) {
      if (!(cause instanceof ErthError)) throw cause;
      problems.push({
        code: "AUTHENTICODE_UNREADABLE",
        message: `Signature ${index}: ${cause.message}`,
        remedy: cause.remedy,
      });
    }
  };
  for (const [index, content] of contents.entries()) read(content, String(index), 0);
  return { found, problems };
}
