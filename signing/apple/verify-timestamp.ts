/** Checks the timestamp that Apple's signatures carry: one token, over the signature, with no certificates but those of its chain. */
import { hash } from "node:crypto";
import type { Problem } from "../../runtime/base/errors.ts";
import { type Certificate, certificateName } from "../cms/certificate.ts";
import { buildChain } from "../cms/certificate-chain.ts";
import { oids } from "../cms/oids.ts";
import type { ParsedSigner } from "../cms/parse-signed-data.ts";
import { parseTimestampToken, verifyTimestampToken } from "../cms/timestamp.ts";
import { codeProblem, collect } from "./code-problem.ts";

export interface AppleTimestamp {
  readonly time: Date;
  readonly chain: readonly Certificate[];
}

/** The timestamp of a signer; undefined where there is none, or none that holds. */
export function timestampOf(signer: ParsedSigner, problems: Problem[]): AppleTimestamp | undefined {
  const { unsignedAttributes } = signer;
  // A timestamp under another name would be no timestamp, and nobody would miss it.
  const unknown = unsignedAttributes.filter(({ oid }) => oid !== oids.timestampToken);
  for (const { oid } of unknown) {
    problems.push(codeProblem("CMS_INVALID", `The CMS message has the unsigned attribute ${oid}, which is not known.`));
  }
  const values = unsignedAttributes.filter((one) => !unknown.includes(one)).flatMap((attribute) => attribute.values);
  const [token] = values;
  if (token === undefined) return undefined;
  if (values.length > 1) problems.push(codeProblem("TIMESTAMP_INVALID", `There are ${values.length} timestamps.`));
  const found = [...verifyTimestampToken(token.bytes, hash("sha256", signer.signature, "buffer"))];
  const stamp = collect(found, () => {
    const { time, certificate, signed } = parseTimestampToken(token.bytes);
    const chain = certificate === undefined ? [] : buildChain(certificate, signed.certificates).certificates;
    found.push(...strayCertificates(chain, signed.certificates));
    return { time, chain };
  });
  problems.push(...found);
  return found.length > 0 ? undefined : stamp;
}

/** Authorities may leave out their root, but what they send belongs to their chain. */
function strayCertificates(chain: readonly Certificate[], sent: readonly Certificate[]): readonly Problem[] {
  if (chain.length === 0) return [];
  return sent
    .filter((one) => !chain.some(({ fingerprint }) => fingerprint === one.fingerprint))
    .map((one) =>
      codeProblem(
        "TIMESTAMP_CERTIFICATE",
        `The timestamp's certificate "${certificateName(one)}" is not of its chain.`,
      ),
    );
}
