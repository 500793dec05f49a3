/** What stands in the way of signing with a certificate chain at a given time. */
import type { Problem } from "../../runtime/base/errors.ts";
import type { CertificateChain } from "../cms/certificate-chain.ts";
import { type Certificate, certificateName } from "../cms/certificate.ts";

/** All of them: dates of every certificate, and a missing intermediate. */
export function certificateProblems(chain: CertificateChain, now: Date): readonly Problem[] {
  const [leaf, ...above] = chain.certificates;
  const problems = chain.certificates.flatMap((certificate) => dateProblems(certificate, now));
  // A root may be left out: whoever verifies has it. A leaf alone proves nothing to anyone.
  if (leaf !== undefined && above.length === 0 && chain.missingIssuer !== undefined) {
    problems.push({
      code: "CERTIFICATE_CHAIN_INCOMPLETE",
      message: `The certificate "${certificateName(leaf)}" comes without the intermediate that issued it: ${chain.missingIssuer}.`,
      remedy: "add that certificate's PEM to the certificates beside the key, then type: erth doctor signing",
    });
  }
  return problems;
}

function dateProblems(certificate: Certificate, now: Date): Problem[] {
  const name = certificateName(certificate);
  if (now > certificate.notAfter) {
    const message = `The certificate "${name}" expired on ${day(certificate.notAfter)}.`;
    const remedy = "get a new certificate and set it in erth.config.ts, then type: erth doctor signing";
    return [{ code: "CERTIFICATE_EXPIRED", message, remedy }];
  }
  if (now < certificate.notBefore) {
    const message = `The certificate "${name}" is valid from ${day(certificate.notBefore)}, and now is ${day(now)}.`;
    return [{ code: "CERTIFICATE_NOT_YET_VALID", message, remedy: "check this computer's clock: date -u" }];
  }
  return [];
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}
