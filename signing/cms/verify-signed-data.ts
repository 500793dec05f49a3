/** Checks a whole CMS signature: every signer, every certificate's issuer, every timestamp. */
import { createHash } from "node:crypto";
import type { Problem } from "../../runtime/base/errors.ts";
import { buildChain, type CertificateChain, verifyCertificates } from "./certificate-chain.ts";
import { certificateName } from "./certificate.ts";
import { oids } from "./oids.ts";
import type { ParsedSignedData, ParsedSigner } from "./parse-signed-data.ts";
import { parseTimestampToken, verifyTimestampToken } from "./timestamp.ts";
import { signerCertificate, verifySigner, type SignedContent } from "./verify-signer.ts";

/** A time that an authority vouches for. */
export interface VerifiedTimestamp {
  readonly time: Date;
  readonly chain: CertificateChain;
}

export interface VerifiedSignedData {
  /** Empty when everything that is there holds. What ought to be there is the caller's policy. */
  readonly problems: readonly Problem[];
  /** Of the first signer, as far as the message carries it; who trusts its end is the caller's to say. */
  readonly chain: CertificateChain | undefined;
  /** Only those without a problem. */
  readonly timestamps: readonly VerifiedTimestamp[];
}

/** Verifies against the content, the embedded one unless `digested` is given. */
export function verifySignedData(signed: ParsedSignedData, digested?: SignedContent): VerifiedSignedData {
  const problems: Problem[] = [...verifyCertificates(signed.certificates)];
  const timestamps: VerifiedTimestamp[] = [];
  if (signed.signers.length === 0) problems.push(problemOf("CMS_INVALID", "The signature has no signer."));
  for (const signer of signed.signers) {
    problems.push(...verifySigner(signed, signer, digested));
    const certificate = signerCertificate(signed, signer);
    for (const token of timestampTokensOf(signer)) {
      const wrong = verifyTimestampToken(token, createHash("sha256").update(signer.signature).digest());
      problems.push(...wrong);
      if (wrong.length > 0) continue;
      const parsed = parseTimestampToken(token);
      const { time } = parsed;
      if (parsed.certificate) {
        timestamps.push({ time, chain: buildChain(parsed.certificate, parsed.signed.certificates) });
      }
      if (certificate && (time < certificate.notBefore || time > certificate.notAfter)) {
        const name = certificateName(certificate);
        problems.push(problemOf("CMS_TIME", `The certificate "${name}" was not valid at ${time.toISOString()}.`));
      }
    }
  }
  const [first] = signed.signers;
  const leaf = first && signerCertificate(signed, first);
  return { problems, chain: leaf && buildChain(leaf, signed.certificates), timestamps };
}

/** The RFC 3161 tokens of a signer, under the CMS attribute or Microsoft's. */
export function timestampTokensOf(signer: ParsedSigner): readonly Uint8Array[] {
  return signer.unsignedAttributes
    .filter(({ oid }) => oid === oids.timestampToken || oid === oids.microsoftTimestampToken)
    .flatMap(({ values }) => values.map((value) => value.bytes));
}

function problemOf(code: string, message: string): Problem {
  return { code, message, remedy: "the file was changed after it was signed, or badly signed: sign it again" };
}
