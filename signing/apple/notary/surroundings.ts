/** Everything impure that notarization touches, so that a test can put a fake clock and a fake network in its place. */
import { setTimeout as delay } from "node:timers/promises";

export interface NotarySurroundings {
  readonly fetch: typeof fetch;
  readonly now: () => Date;
  /** Resolves after so long; rejects with the signal's reason. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** From 0 up to, not including, 1: spreads retries. */
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Tries before a failure that may pass is taken for final; six by default. */
  readonly attempts?: number | undefined;
  /** One line for people, without a line end and without secrets. */
  readonly report: (line: string) => void;
}

/** The real network and clock. */
export function systemSurroundings(signal: AbortSignal, report: (line: string) => void): NotarySurroundings {
  return {
    fetch: globalThis.fetch,
    now: () => new Date(),
    sleep: (ms, until) => delay(ms, undefined, { signal: until }),
    random: Math.random,
    signal,
    report,
  };
}
