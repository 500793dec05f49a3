/** Decides after each failure: start again, and when, or give up and tell the user. Pure but for the clock it is given. */
import { backoffMs } from "./backoff.ts";
import type { Timings } from "./timings.ts";

type Verdict = { readonly kind: "restart"; readonly afterMs: number } | { readonly kind: "open" };

export interface Breaker {
  /** Records that a sidecar has ended; `hasServed` says whether it had come to serve. */
  failed(hasServed: boolean): Verdict;
  /** Forgets everything: the user asked for a fresh start. */
  reset(): void;
}

/** `now` is monotonic, in milliseconds; `random` is in [0, 1). */
export function createBreaker(
  timings: Pick<Timings, "backoffBaseMs" | "backoffCapMs" | "breakerRestarts" | "breakerWindowMs">,
  now: () => number = () => performance.now(),
  random: () => number = Math.random,
): Breaker {
  let restartsAtMs: number[] = [];
  // Counted apart: starts that each take long to fail could slip out of the window for ever.
  let neverServed = 0;
  return {
    failed: (hasServed) => {
      const since = now() - timings.breakerWindowMs;
      restartsAtMs = restartsAtMs.filter((atMs) => atMs > since);
      neverServed = hasServed ? 0 : neverServed + 1;
      const restarts = Math.max(restartsAtMs.length, neverServed - 1);
      if (restarts >= timings.breakerRestarts) return { kind: "open" };
      restartsAtMs.push(now());
      return { kind: "restart", afterMs: backoffMs(restarts, timings, random) };
    },
    reset: () => {
      restartsAtMs = [];
      neverServed = 0;
    },
  };
}
