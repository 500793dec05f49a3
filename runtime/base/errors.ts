/**
 * The one error style of the project: a stable code, what happened with the
 * values, and what to do. Bugs stay plain `Error`s with stacks.
 */

/** A fault a user can mend. Gathered where several can be mended at once. */
export interface Problem {
  /** Stable, upper snake case: `CONFIG_INVALID`. */
  readonly code: string;
  /** What happened, with the values. */
  readonly message: string;
  /** What to do, ending in the command to type where there is one. */
  readonly remedy: string;
}

export interface ErthErrorOptions extends Problem {
  readonly cause?: unknown;
  /** Machine-readable values for `--json` and the caller. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** An expected failure: printed as `error[CODE] message` and `do  remedy`, without a stack. */
export class ErthError extends Error implements Problem {
  readonly code: string;
  readonly remedy: string;
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(options: ErthErrorOptions) {
    super(options.message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "ErthError";
    this.code = options.code;
    this.remedy = options.remedy;
    this.facts = options.facts ?? {};
  }
}

/** Several problems that can be mended in one go: config, preflight, verify. */
export class ProblemsError extends ErthError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const first = problems[0] ?? { code: "UNKNOWN", message: "an empty list of problems", remedy: "report this" };
    super({ ...first, facts: { problems } });
    this.name = "ProblemsError";
    this.problems = problems;
  }
}

/** The text of any thrown value, for a message. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The `code` of a Node system error (`ENOENT`), or undefined for anything else. */
export function systemCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}
