/** Authenticode signatures as facts, and their timestamps against the roots that are trusted. */
import type { Problem } from "../../runtime/base/errors.ts";
import { certificateName } from "../cms/certificate.ts";
import { type AuthenticodeFacts, isTrustedChain } from "../windows/verify-signature.ts";
import type { VerifySettings } from "./session.ts";
import type { SignatureFacts } from "./verification.ts";

/** Windows has a store of roots, and we have none: what a chain ends in is told as found. */
export function authenticodeFacts(signature: AuthenticodeFacts): SignatureFacts {
  const { index, digestName, digest, signer, chain, isTrusted, signedAt, timestampAuthority } = signature;
  return {
    scheme: "Authenticode",
    part: index,
    signer: signer ?? "unknown",
    chain: chain.map(certificateName),
    isTrusted,
    timestamp: signedAt,
    timestampAuthority,
    claimedTime: undefined,
    facts: {
      digest: `${digestName ?? "unknown"} ${digest}`,
      ...(signature.description === undefined ? {} : { description: signature.description }),
      ...(signature.url === undefined ? {} : { link: signature.url }),
    },
  };
}

/** Where roots were given, they decide on the authority of a timestamp as well. */
export function authenticodeTimestampProblems(
  signatures: readonly AuthenticodeFacts[],
  { trust }: VerifySettings,
): readonly Problem[] {
  if (trust.roots.length === 0) return [];
  return signatures.flatMap(({ index, timestampChain }) => {
    const root = timestampChain.at(-1);
    if (root === undefined || isTrustedChain(timestampChain, trust.roots)) return [];
    const message = `Signature ${index}: the chain of its timestamp ends in "${certificateName(root)}", which is no trusted root.`;
    return [{ code: "TIMESTAMP_UNTRUSTED", message, remedy: "give that root too: erth verify --trust ROOT.pem FILE" }];
  });
}
