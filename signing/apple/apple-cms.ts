/**
 * The CMS message of a code signature: detached, over the CodeDirectory, with
 * Apple's two attributes that repeat its hash, and a timestamp.
 */
import { hash } from "node:crypto";
import { octetString, oid, sequence } from "../cms/der.ts";
import { oids } from "../cms/oids.ts";
import { createSignedData } from "../cms/signed-data.ts";
import type { DigestSigner } from "../signer.ts";
import { encodeCfPlist } from "./cf-plist.ts";
import { cdHashOf } from "./code-directory.ts";

/** Apple's signed attributes: a property list of cdhashes, and each directory's whole hash. */
export const APPLE_ATTRIBUTE = {
  cdHashPlist: "1.2.840.113635.100.9.1",
  cdHashes: "1.2.840.113635.100.9.2",
} as const;

export const APPLE_TIMESTAMP_URL = "http://timestamp.apple.com/ts01";

export interface AppleCmsRequest {
  readonly codeDirectory: Uint8Array;
  readonly signer: DigestSigner;
  /** For the key service's log. */
  readonly file: string;
  readonly signingTime: Date;
  readonly timestamp?:
    | { readonly url: string; readonly fetch: typeof fetch; readonly signal?: AbortSignal | undefined }
    | undefined;
}

/** The ContentInfo, and the certificates in it, leaf first. Errors are those of `createSignedData`. */
export async function createAppleCms(
  request: AppleCmsRequest,
): Promise<{ readonly der: Uint8Array; readonly certificates: readonly Uint8Array[] }> {
  const { codeDirectory, timestamp } = request;
  const cdHash = Buffer.from(cdHashOf(codeDirectory), "hex");
  return createSignedData({
    contentTypeOid: oids.data,
    digested: codeDirectory,
    signedAttributes: [
      {
        oid: APPLE_ATTRIBUTE.cdHashPlist,
        values: [octetString(encodeCfPlist(new Map([["cdhashes", [cdHash]]])))],
      },
      {
        oid: APPLE_ATTRIBUTE.cdHashes,
        values: [sequence(oid(oids.sha256), octetString(hash("sha256", codeDirectory, "buffer")))],
      },
    ],
    signingTime: request.signingTime,
    rsaSignatureOid: "sha256WithRSAEncryption",
    signer: request.signer,
    hint: { file: request.file, kind: "macho" },
    ...(timestamp && { timestamp: { ...timestamp, attributeOid: oids.timestampToken } }),
  });
}
