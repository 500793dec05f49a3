/** The shape of a command, the flags that all share, and the exit codes. */
import type { KeyWorld } from "../keys/key-world.ts";
import type { Listener } from "../stages/events.ts";
import type { CliEvent } from "./report/reporter.ts";

export const EXIT = { done: 0, failed: 1, usage: 2, overBudget: 3, problemsFound: 4 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Flags as `node:util` parses them; every command accepts the shared ones. */
export interface Flags {
  readonly config: string | undefined;
  /** A list with commas, as typed; undefined: the config's targets. */
  readonly target: string | undefined;
  /** Absolute. */
  readonly out: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly noFallback: boolean;
  /** A list with commas, as typed; undefined: the config's formats. */
  readonly format: string | undefined;
  /** Signs nothing, whatever the config says. */
  readonly noSign: boolean;
  readonly fast: boolean;
  readonly offline: boolean;
  readonly matrix: boolean;
  readonly why: string | undefined;
  readonly since: string | undefined;
  readonly html: boolean;
  readonly markdown: boolean;
  readonly accept: boolean;
  readonly submit: boolean;
  readonly wait: boolean;
  readonly resume: boolean;
  readonly explain: boolean;
  /** Files of certificates and keys, as typed. */
  readonly trust: readonly string[];
}

export interface CommandContext {
  readonly flags: Flags;
  /** What follows the command's name; empty for a command that takes no arguments. */
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly listener: Listener;
  /** What keys and the services behind them are reached through. */
  readonly keyWorld: KeyWorld;
  /** Tells the reporter something that is not a stage's. */
  report(event: CliEvent): void;
}

export interface Command {
  readonly name: string;
  /** One line for `erth --help`. */
  readonly summary: string;
  /** Absent: an argument is refused. */
  readonly takesArguments?: true;
  run(ctx: CommandContext): Promise<ExitCode>;
}
