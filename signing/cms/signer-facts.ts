/** Who made a CMS signature, and when a timestamp authority saw it: as the message says it, nothing is verified. */
import { type Certificate } from "./certificate.ts";
import { oids } from "./oids.ts";
import { parseSignedData } from "./parse-signed-data.ts";
import { parseTimestampToken } from "./timestamp.ts";
import { signerCertificate } from "./verify-signer.ts";

export interface SignerFacts {
  /** Undefined where the message does not carry it. */
  readonly certificate: Certificate | undefined;
  /** Undefined without a timestamp. */
  readonly timestamp: Date | undefined;
}

/** The facts of the first signer. `message` is a ContentInfo; throws `DER_INVALID` for anything else. */
export function signerFacts(message: Uint8Array): SignerFacts {
  const signed = parseSignedData(message);
  const [signer] = signed.signers;
  if (signer === undefined) return { certificate: undefined, timestamp: undefined };
  const token = signer.unsignedAttributes.find(
    ({ oid }) => oid === oids.timestampToken || oid === oids.microsoftTimestampToken,
  )?.values[0];
  return {
    certificate: signerCertificate(signed, signer),
    timestamp: token && parseTimestampToken(token.bytes).time,
  };
}
