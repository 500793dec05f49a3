/** One thing that `erth doctor` or a stage's preflight has looked at. */
import { ErthError, ProblemsError, type Problem } from "../../runtime/base/errors.ts";

export interface Check {
  /** `signing.apple.key`, `timestamp server`. */
  readonly what: string;
  /** What was found: short lines, without secrets. */
  readonly facts: readonly string[];
  readonly warnings: readonly string[];
  readonly problems: readonly Problem[];
}

/** Collects the findings of one check; a thrown fault of the user's becomes a problem, anything else passes. */
export async function checked(what: string, look: (findings: Findings) => Promise<void>): Promise<Check> {
  const facts: string[] = [];
  const warnings: string[] = [];
  const problems: Problem[] = [];
  try {
    await look({
      fact: (text) => void facts.push(text),
      warn: (...texts) => void warnings.push(...texts),
      fault: (...found) => void problems.push(...found),
    });
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    const found = error instanceof ProblemsError ? error.problems : [error];
    problems.push(...found.map(({ code, message, remedy }) => ({ code, message, remedy })));
  }
  return { what, facts, warnings, problems };
}

export interface Findings {
  readonly fact: (text: string) => void;
  readonly warn: (...texts: readonly string[]) => void;
  readonly fault: (...problems: readonly Problem[]) => void;
}
