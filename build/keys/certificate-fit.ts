/** Whether a certificate is good for what it is configured for: kind, team, dates, chain. Pure. */
import type { Problem } from "../../runtime/base/errors.ts";
import type { CertificateChain } from "../../signing/cms/certificate-chain.ts";
import { certificateProblems } from "../../signing/keys/certificate-problems.ts";
import { type CertificatePurpose, inspectCertificate } from "../../signing/keys/inspect-certificate.ts";

/** What a key is configured to sign. */
export type KeyUse = "mac-code" | "mac-installer" | "windows-code";

export interface CertificateFit {
  readonly problems: readonly Problem[];
  /** What works today and will not always, or not everywhere: sentences. */
  readonly warnings: readonly string[];
}

export interface FitRequest {
  readonly chain: CertificateChain;
  readonly use: KeyUse;
  readonly now: Date;
  /** As configured; undefined: any. */
  readonly teamId?: string | undefined;
  /** Apple notarizes what a Developer ID has signed, and nothing else. */
  readonly isNotarized?: boolean;
}

const WARN_DAYS = 30;

export const PURPOSE_NAMES: Readonly<Record<CertificatePurpose, string>> = {
  "developer-id-application": "Developer ID Application",
  "developer-id-installer": "Developer ID Installer",
  "apple-development": "Apple Development",
  "apple-distribution": "Apple Distribution",
  "mac-app-store-installer": "Mac App Store installer",
  "code-signing": "code signing",
  timestamping: "time stamping",
  authority: "certificate authority",
  other: "neither code nor installers",
};

const WANTED: Readonly<Record<KeyUse, { readonly purpose: CertificatePurpose; readonly get: string }>> = {
  "mac-code": {
    purpose: "developer-id-application",
    get: "set a Developer ID Application certificate with its key (developer.apple.com/account/resources/certificates)",
  },
  "mac-installer": {
    purpose: "developer-id-installer",
    get: "set a Developer ID Installer certificate with its key (developer.apple.com/account/resources/certificates)",
  },
  "windows-code": {
    purpose: "code-signing",
    get: "set the code-signing certificate of a public authority with its key",
  },
};

/** Certificates that sign Mac code which only machines that were told to will run. */
const PRIVATE_MAC: readonly CertificatePurpose[] = ["apple-development", "apple-distribution", "code-signing"];

/** Everything that stands in the way, and what will. */
export function certificateFit({ chain, use, now, teamId, isNotarized = false }: FitRequest): CertificateFit {
  const [leaf] = chain.certificates;
  if (leaf === undefined) throw new Error("a chain begins with a leaf");
  const { name, purpose, daysLeft, teamId: found } = inspectCertificate(leaf, now);
  const { purpose: wanted, get } = WANTED[use];
  const problems: Problem[] = [...certificateProblems(chain, now)];
  const warnings: string[] = [];
  const isPrivate = use === "mac-code" && PRIVATE_MAC.includes(purpose) && !isNotarized;
  if (isPrivate) {
    warnings.push(`"${name}" is no Developer ID (${PURPOSE_NAMES[purpose]}): Gatekeeper stops the app on other Macs.`);
  } else if (purpose !== wanted) {
    problems.push({
      code: "CERTIFICATE_KIND",
      message: `The certificate "${name}" is for ${PURPOSE_NAMES[purpose]}, where one for ${PURPOSE_NAMES[wanted]} is needed.`,
      remedy: `${get}, then type: erth doctor signing`,
    });
  }
  if (use !== "windows-code" && teamId !== undefined && found !== undefined && found !== teamId) {
    problems.push({
      code: "KEY_TEAM",
      message: `The certificate "${name}" is of team ${found}, and signing.apple.teamId is ${teamId}.`,
      remedy: `set signing.apple.teamId to ${found}, or use that team's key, then type: erth doctor signing`,
    });
  }
  if (daysLeft >= 0 && daysLeft <= WARN_DAYS) {
    warnings.push(`The certificate "${name}" expires in ${daysLeft} days, on ${day(leaf.notAfter)}: renew it now.`);
  }
  return { problems, warnings };
}

/** `2027-02-01` */
export function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}
