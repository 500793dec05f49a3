/** Code signatures of Apple's as facts, and the timestamps in them against Apple's roots. */
import type { Problem } from "../../runtime/base/errors.ts";
import { isAppleRoot } from "../apple/apple-roots.ts";
import { CODE_FLAG } from "../apple/code-directory.ts";
import { codeProblem } from "../apple/code-problem.ts";
import type { DecodedSignature } from "../apple/decode-signature.ts";
import type { Entitlements } from "../apple/entitlements.ts";
import { requirementText, type SignerFindings } from "../apple/verify-signature.ts";
import { type Certificate, certificateName } from "../cms/certificate.ts";
import type { VerifySettings } from "./session.ts";
import type { SignatureFacts } from "./verification.ts";

export const AD_HOC = "ad-hoc";

export interface SignedCode extends SignerFindings {
  readonly signature: DecodedSignature | undefined;
  readonly entitlements?: Entitlements | undefined;
}

/** Options of Apple's verifiers for this run. */
export function codeOptions({ trust, policy }: VerifySettings) {
  return { rootCertificates: trust.roots, policy };
}

/** What a code signature says; undefined for code that has none. */
export function codeFacts(code: SignedCode, part: string): SignatureFacts | undefined {
  const { signature, cms, cdHashes, entitlements } = code;
  if (signature === undefined) return undefined;
  const { identifier, teamId, flags } = signature.directory;
  const names = Object.entries(CODE_FLAG).filter(([, bit]) => (flags & bit) !== 0);
  return {
    scheme: "code signature",
    part,
    ...appleSigner(cms),
    facts: {
      identifier,
      ...(teamId === undefined ? {} : { team: teamId }),
      cdhash: cdHashes.join(", "),
      flags: names.length === 0 ? "none" : names.map(([name]) => name).join(", "),
      requirement: requirementText([code]),
      ...(entitlements === undefined ? {} : { entitlements: JSON.stringify(entitlements) }),
    },
  };
}

/** Who signed, of a code signature or a package. */
export function appleSigner(
  cms:
    | {
        readonly chain: readonly Certificate[];
        readonly isTrusted: boolean;
        readonly timestamp: Date | undefined;
        readonly timestampChain: readonly Certificate[];
        readonly signingTime: Date | undefined;
      }
    | undefined,
): Omit<SignatureFacts, "scheme" | "part" | "facts"> {
  const [leaf] = cms?.chain ?? [];
  const [authority] = cms?.timestampChain ?? [];
  return {
    signer: cms === undefined ? AD_HOC : leaf === undefined ? "unknown" : certificateName(leaf),
    chain: (cms?.chain ?? []).map(certificateName),
    isTrusted: cms?.isTrusted,
    timestamp: cms?.timestamp,
    timestampAuthority: authority && certificateName(authority),
    claimedTime: cms?.signingTime,
  };
}

/** A timestamp of an authority that nobody vouches for proves no time. */
export function appleTimestampProblems(chain: readonly Certificate[], { trust }: VerifySettings): readonly Problem[] {
  const root = chain.at(-1);
  if (root === undefined || isAppleRoot(root, { rootCertificates: trust.roots })) return [];
  // Authorities may leave out their root.
  if (trust.roots.some(({ subjectDer }) => Buffer.compare(subjectDer, root.issuerDer) === 0)) return [];
  const message = `The timestamp's chain ends in "${certificateName(root)}", which is no root of Apple's.`;
  return [codeProblem("TIMESTAMP_UNTRUSTED", message)];
}
