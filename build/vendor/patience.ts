/** How long to insist on a network that fails: which failures pass, how often to try, how long to wait. */
import { setTimeout as sleep } from "node:timers/promises";
import { ErthError, systemCode } from "../../runtime/base/errors.ts";
import { httpStatus } from "./vendor-errors.ts";

export interface Patience {
  /** Attempts in a row without any progress. */
  readonly attempts: number;
  /** Pause before the second attempt; doubles with each further one. */
  readonly backoffMs: number;
  /** Silence that ends an attempt. */
  readonly stallMs: number;
}

export const PATIENCE: Patience = { attempts: 5, backoffMs: 500, stallMs: 30_000 };

/** Statuses worth another attempt. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/** System errors that another attempt will not mend. */
const LASTING = new Set([
  "ENOTFOUND",
  "ERR_INVALID_URL",
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "ETARGET",
]);

/** A host that does not even answer is asked twice: waiting for a closed door helps nobody. */
const NO_ANSWER = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "EAI_AGAIN", "ETIMEDOUT", "EIDLETIMEOUT"]);
const NO_ANSWER_ATTEMPTS = 2;

/**
 * Runs the action until it succeeds or fails for good, and throws its last
 * error. An `ErthError` is for good; a growing `progress` starts the count anew.
 */
export async function withPatience<T>(
  { attempts, backoffMs }: Patience,
  signal: AbortSignal,
  action: () => Promise<T>,
  progress: () => number = () => 0,
): Promise<T> {
  for (let fruitless = 0; ;) {
    const before = progress();
    try {
      return await action();
    } catch (error) {
      signal.throwIfAborted();
      fruitless = progress() > before ? 1 : fruitless + 1;
      const most = progress() === 0 && NO_ANSWER.has(systemCode(error) ?? "") ? NO_ANSWER_ATTEMPTS : attempts;
      if (!isPassing(error) || fruitless >= most) throw error;
      await sleep(backoffMs * 2 ** (fruitless - 1), undefined, { signal });
    }
  }
}

function isPassing(error: unknown): boolean {
  if (error instanceof ErthError) return false;
  const status = httpStatus(error);
  return status === undefined ? !LASTING.has(systemCode(error) ?? "") : PASSING.has(status);
}
