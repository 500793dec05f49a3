/** A Mach-O file, thin or universal. */
import { basename } from "node:path";
import type { Problem } from "../../runtime/base/errors.ts";
import { explainMachO } from "../apple/explain.ts";
import { inspectMachO, type VerifiedMachO } from "../apple/verify-mach-o.ts";
import { appleTimestampProblems, codeFacts, codeOptions } from "./code-facts.ts";
import type { Inspector, VerifySettings } from "./session.ts";
import type { Findings } from "./verification.ts";

export const machO: Inspector = {
  kind: "mach-o",
  async verify(path, session) {
    const { problems, ...rest } = machOFindings(await inspectMachO({ ...codeOptions(session), path }), session);
    return { ...rest, problems: withoutName(problems, path) };
  },
  explain: (path, session) => explainMachO({ ...codeOptions(session), path }),
};

/** The file's name is said by whoever shows the problems. */
export function withoutName(problems: readonly Problem[], path: string): readonly Problem[] {
  const prefix = `${basename(path)}: `;
  return problems.map(({ message, ...problem }) => ({
    ...problem,
    message: message.startsWith(prefix) ? message.slice(prefix.length) : message,
  }));
}

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
