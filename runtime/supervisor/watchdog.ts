/** Probes a serving sidecar on a fixed beat and says when it is hung or has been replaced. */
import type { Health } from "./probe.ts";
import type { Timings } from "./timings.ts";

export interface Watchdog {
  stop(): void;
}

/**
 * Calls `onFault` at most once, with a reason: `missesAllowed` silent probes in
 * a row, or one answer by a stranger. `probe` settles within `probeTimeoutMs`.
 */
export function startWatchdog(
  { probeEveryMs, missesAllowed }: Pick<Timings, "probeEveryMs" | "missesAllowed">,
  probe: () => Promise<Health>,
  onFault: (reason: string) => void,
): Watchdog {
  let misses = 0;
  let isProbing = false;
  const stop = (): void => clearInterval(beat);
  let isStopped = false;
  const judge = (health: Health): void => {
    isProbing = false;
    if (isStopped) return;
    misses = health === "silent" ? misses + 1 : 0;
    if (health === "alive" || (health === "silent" && misses < missesAllowed)) return;
    isStopped = true;
    stop();
    onFault(
      health === "stranger"
        ? "the sidecar's port answers without knowing the secret"
        : `the sidecar hangs: ${misses} health checks in a row had no answer`,
    );
  };
  const beat = setInterval(() => {
    // A probe that outlives its beat counts once.
    if (isProbing) return;
    isProbing = true;
    void probe().then(judge);
  }, probeEveryMs);
  return {
    stop: () => {
      isStopped = true;
      stop();
    },
  };
}
