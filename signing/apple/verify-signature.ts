/** Who signed code, and whether the code meets its own requirement: the same for Mach-O and for disk images. */
import type { Problem } from "../../runtime/base/errors.ts";
import type { AppleTrust } from "./apple-roots.ts";
import { directoryHash } from "./code-hash.ts";
import { codeProblem, collect } from "./code-problem.ts";
import type { DecodedSignature } from "./decode-signature.ts";
import { DESIGNATED_TYPE } from "./requirement.ts";
import { meetsRequirement } from "./requirement-match.ts";
import { parseRequirements, type Requirement } from "./requirement-parse.ts";
import { renderCdHashRequirement, renderRequirement } from "./requirement-text.ts";
import { type CmsFindings, verifyAppleCms } from "./verify-cms.ts";

/** What a signature says of its maker. */
export interface SignerFindings {
  /** Hex, of every directory. */
  readonly cdHashes: readonly string[];
  /** Undefined for an ad-hoc signature. */
  readonly cms: CmsFindings | undefined;
  readonly designated: Requirement | undefined;
}

/** Checks CMS message and designated requirement. */
export function verifySignerOf(signature: DecodedSignature, trust: AppleTrust, problems: Problem[]): SignerFindings {
  const cdHashes = signature.directories.map((directory) => directoryHash(directory).hex.slice(0, 40));
  const cms = cmsFindings(signature, trust, problems);
  const designated = collect(problems, () =>
    signature.requirements === undefined ? undefined : parseRequirements(signature.requirements).get(DESIGNATED_TYPE),
  );
  const subject = {
    identifier: signature.directory.identifier,
    cdHashes,
    chain: cms?.chain ?? [],
    isAppleAnchored: cms?.isTrusted ?? false,
  };
  if (designated !== undefined && meetsRequirement(designated, subject) === false) {
    const text = renderRequirement(designated);
    problems.push(codeProblem("CODESIGN_REQUIREMENT", `It does not meet its own designated requirement: ${text}.`));
  }
  return { cdHashes, cms, designated };
}

/** The text of the designated requirement: the one that is signed, or that of these very bytes. */
export function requirementText(findings: readonly SignerFindings[]): string {
  const designated = findings[0]?.designated;
  if (designated !== undefined) return renderRequirement(designated);
  return renderCdHashRequirement(findings.flatMap(({ cdHashes }) => cdHashes));
}

function cmsFindings(
  { cms, directories }: DecodedSignature,
  trust: AppleTrust,
  problems: Problem[],
): CmsFindings | undefined {
  if (cms === undefined || cms.length === 0) return undefined;
  const findings = verifyAppleCms({ message: cms, directories, trust });
  problems.push(...findings.problems);
  if (findings.chain.length > 0 && !findings.isTrusted) {
    problems.push(codeProblem("CMS_UNTRUSTED", "The certificate chain does not end in a root of Apple's."));
  }
  return findings;
}
