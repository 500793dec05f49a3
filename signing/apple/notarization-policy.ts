/** What Apple's notary refuses, and what it accepts and then does not run: found before anything is sent. */
import type { Problem } from "../../runtime/base/errors.ts";
import { CODE_FLAG } from "./code-directory.ts";
import { ALLOW_JIT, GET_TASK_ALLOW } from "./entitlements.ts";
import { engineOf } from "./js-engine.ts";
import { MH_EXECUTE } from "./mach-o.ts";
import { isDeveloperIdApplication } from "./signing-identity.ts";
import type { VerifiedSlice } from "./verify-mach-o.ts";

/** Problems of a slice that is to be notarized. */
export function policyProblems({ signature, machO, cms, entitlements }: VerifiedSlice): readonly Problem[] {
  const problems: Problem[] = [];
  if (signature === undefined) return problems;
  const { flags } = signature.directory;
  const [leaf] = cms?.chain ?? [];
  const report = (code: string, message: string, remedy: string): void => void problems.push({ code, message, remedy });
  if (leaf === undefined || !isDeveloperIdApplication(leaf)) {
    report(
      "NOTARY_CERTIFICATE",
      "It is not signed with a Developer ID Application certificate.",
      "set signing.apple to such a key, then: erth doctor signing && erth sign",
    );
  } else if (cms?.timestamp === undefined) {
    report("NOTARY_TIMESTAMP", "Its signature has no valid timestamp.", "set signing.apple.timestamp, then: erth sign");
  }
  if (machO.fileType !== MH_EXECUTE) return problems;
  if ((flags & CODE_FLAG.runtime) === 0) {
    report(
      "NOTARY_RUNTIME",
      "It does not have the hardened runtime.",
      "remove hardenedRuntime: false, then: erth sign",
    );
  }
  if (entitlements?.[GET_TASK_ALLOW] === true) {
    report(
      "NOTARY_DEBUGGABLE",
      `It has the entitlement ${GET_TASK_ALLOW}.`,
      "remove that entitlement, then: erth sign",
    );
  }
  const engine = engineOf(machO);
  if (engine !== undefined && entitlements?.[ALLOW_JIT] !== true) {
    report(
      "NOTARY_JIT",
      `It runs on ${engine === "bun" ? "Bun" : "Node"}, which dies at its start without the entitlement ${ALLOW_JIT}.`,
      "give that program the entitlements of its runtime, then: erth sign",
    );
  }
  return problems;
}
