/** OpenPGP signatures as facts. */
import type { VerifiedOpenPgp } from "../linux/verify-openpgp.ts";
import type { SignatureFacts } from "./verification.ts";

/** `part` names the file or member that holds the signature. */
export function openPgpFacts(
  { signer, keyId, signedAt, holds }: VerifiedOpenPgp,
  part: string,
  isTrusted: boolean | undefined = holds,
): SignatureFacts {
  return {
    scheme: "OpenPGP",
    part,
    signer,
    chain: [],
    isTrusted,
    timestamp: undefined,
    timestampAuthority: undefined,
    claimedTime: signedAt,
    facts: { key: keyId },
  };
}
