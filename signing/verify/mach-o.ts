/** A Mach-O file, thin or universal. */
import { basename } from "node:path";
import { explainMachO } from "../apple/explain.ts";
import { inspectMachO, type VerifiedMachO } from "../apple/verify-mach-o.ts";
import { appleTimestampProblems, codeFacts, codeOptions } from "./code-facts.ts";
import type { Inspector, VerifySettings } from "./session.ts";
import type { Findings } from "./verification.ts";

export const machO: Inspector = {
  kind: "mach-o",
  async verify(path, session) {
    const { problems, ...rest } = machOFindings(await inspectMachO({ ...codeOptions(session), path }), session);
    // Its name is said by whoever shows the problem.
    const prefix = `${basename(path)}: `;
    return {
      ...rest,
      problems: problems.map(({ message, ...problem }) => ({
        ...problem,
        message: message.startsWith(prefix) ? message.slice(prefix.length) : message,
      })),
    };
  },
  explain: (path, session) => explainMachO({ ...codeOptions(session), path }),
};

/** The findings of code that was inspected already. */
export function machOFindings({ problems, slices }: VerifiedMachO, settings: VerifySettings): Findings {
  return {
    problems: [
      ...problems,
      ...slices.flatMap(({ cms }) => appleTimestampProblems(cms?.timestampChain ?? [], settings)),
    ],
    signatures: slices.flatMap((slice) => codeFacts(slice, slices.length > 1 ? slice.architecture : "") ?? []),
    facts: { architectures: slices.map(({ architecture }) => architecture).join(", ") },
  };
}
