/**
 * How notarization insists: what may pass (a reset, a timeout, 429, 5xx) is
 * tried again after 15 s, 30 s and then every 60 s, later where the server
 * says so with Retry-After. What will not pass is thrown at once.
 */
import { ErthError } from "../../../runtime/base/errors.ts";
import type { NotarySurroundings } from "./surroundings.ts";

/** A failure that another attempt may mend. Its text is fit for people. */
export class PassingFailure extends Error {
  /** What the server asked for with Retry-After. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, retryAfterMs?: number) {
    super(message);
    this.name = "PassingFailure";
    this.retryAfterMs = retryAfterMs;
  }
}

export const RETRY_ATTEMPTS = 6;
const FIRST_PAUSE_MS = 15_000;
const LONGEST_PAUSE_MS = 60_000;
const LONGEST_RETRY_AFTER_MS = 10 * 60_000;
/** Spreads the builds that all failed at the same moment. */
const JITTER = 0.1;

/** The pause before the attempt after `failures` failures in a row. */
export function pauseMs(failures: number, random: () => number, retryAfterMs = 0): number {
  const backoff = Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);
  return Math.max(Math.round(backoff * (1 + JITTER * random())), Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS));
}

/**
 * Runs the action until it does not fail in passing, at most `around.attempts` times. Then
 * throws `NOTARY_UNREACHABLE`; any other failure, and the signal's reason, at once.
 */
export async function withRetries<T>(what: string, around: NotarySurroundings, action: () => Promise<T>): Promise<T> {
  const { attempts = RETRY_ATTEMPTS } = around;
  for (let failures = 0; ;) {
    around.signal.throwIfAborted();
    try {
      return await action();
    } catch (error) {
      around.signal.throwIfAborted();
      if (!(error instanceof PassingFailure)) throw error;
      failures += 1;
      if (failures >= attempts) throw unreachable(what, failures, error);
      const ms = pauseMs(failures, around.random, error.retryAfterMs);
      around.report(
        `${what}: ${error.message}; trying again in ${Math.round(ms / 1000)} s (${failures + 1} of ${attempts})`,
      );
      await around.sleep(ms, around.signal);
    }
  }
}

function unreachable(what: string, failures: number, cause: PassingFailure): ErthError {
  return new ErthError({
    code: "NOTARY_UNREACHABLE",
    message: `${what} failed ${failures} times, last: ${cause.message}.`,
    remedy:
      "check the network, and Developer ID Notary Service at developer.apple.com/system-status, then erth notarize --resume (or erth notarize when nothing was submitted yet)",
    cause,
  });
}
