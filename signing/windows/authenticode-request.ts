/** What every Authenticode signature has in common, whatever file it is for: attributes, names, timestamp. */
import { ErthError } from "../../runtime/base/errors.ts";
import { parseDer } from "../cms/der.ts";
import { oids } from "../cms/oids.ts";
import type { SignedDataRequest } from "../cms/signed-data.ts";
import type { DigestSigner, SignRequest } from "../signer.ts";
import { encodeOpusInfo, encodeStatementType, spcOids } from "./spc.ts";

export interface AuthenticodeSettings {
  readonly signer: DigestSigner;
  /** The name in the UAC prompt. */
  readonly description?: string;
  /** The link behind that name: http or https. */
  readonly url?: string;
  /** RFC 3161 authority; null signs without a timestamp, and the signature then ends with its certificate. */
  readonly timestampUrl: string | null;
  readonly fetch: typeof fetch;
  readonly signal?: AbortSignal;
}

/** The SpcSpOpusInfo of these names. Throws `AUTHENTICODE_URL`. */
export function opusInfoOf({ description, url }: Pick<AuthenticodeSettings, "description" | "url">): Uint8Array {
  const isLink = url === undefined || (URL.canParse(url) && /^https?:[\x21-\x7e]+$/.test(url));
  if (!isLink) {
    throw new ErthError({
      code: "AUTHENTICODE_URL",
      message: `${JSON.stringify(url)} cannot be the link of a signature; it needs to be http or https, in ASCII.`,
      remedy: "write the link in its encoded form: new URL(link).href",
    });
  }
  return encodeOpusInfo({
    ...(description === undefined ? {} : { description }),
    ...(url === undefined ? {} : { url }),
  });
}

/** The CMS request for indirect data (DER) that names the file's digest. */
export function authenticodeRequest(
  { signer, timestampUrl, fetch, signal }: AuthenticodeSettings,
  indirectData: Uint8Array,
  opusInfo: Uint8Array,
  hint: SignRequest["hint"],
): SignedDataRequest {
  return {
    contentTypeOid: spcOids.indirectData,
    content: indirectData,
    // PKCS #7 1.5: messageDigest covers the content's octets without tag and length.
    digested: parseDer(indirectData).value,
    signedAttributes: [
      { oid: spcOids.opusInfo, values: [opusInfo] },
      { oid: spcOids.statementType, values: [encodeStatementType()] },
    ],
    rsaSignatureOid: "rsaEncryption",
    signer,
    hint,
    ...(timestampUrl === null
      ? {}
      : {
          timestamp: {
            url: timestampUrl,
            attributeOid: oids.microsoftTimestampToken,
            fetch,
            ...(signal ? { signal } : {}),
          },
        }),
  };
}
