/** How long to wait before a restart: nothing the first time, then doubling with jitter up to a cap. */
import type { Timings } from "./timings.ts";

const JITTER = 0.2;

/**
 * Milliseconds to wait before the restart that follows `restarts` earlier
 * ones: 0, then base · 2ⁿ ±20 %, never over the cap. `random` is in [0, 1).
 */
export function backoffMs(
  restarts: number,
  { backoffBaseMs, backoffCapMs }: Pick<Timings, "backoffBaseMs" | "backoffCapMs">,
  random: () => number = Math.random,
): number {
  if (restarts <= 0) return 0;
  const plainMs = Math.min(backoffCapMs, backoffBaseMs * 2 ** (restarts - 1));
  return Math.min(backoffCapMs, Math.round(plainMs * (1 + JITTER * (2 * random() - 1))));
}
