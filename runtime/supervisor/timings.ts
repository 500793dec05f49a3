/** Every number of the supervisor in one place, as the design fixes them; tests shorten them. */

export interface Timings {
  /** From spawn to the first proven answer. */
  readonly handshakeMs: number;
  /** Between the starts of two probes. */
  readonly probeEveryMs: number;
  readonly probeTimeoutMs: number;
  /** Probes in a row without an answer that make a hang. */
  readonly missesAllowed: number;
  /** From SIGTERM to SIGKILL for a sidecar that misbehaved. */
  readonly killAfterMs: number;
  /** From the stop line to SIGKILL at an orderly end; more than the 2 s the sidecar gives itself. */
  readonly stopLimitMs: number;
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
  /** Restarts within `breakerWindowMs`, or starts in a row that never served, before giving up. */
  readonly breakerRestarts: number;
  readonly breakerWindowMs: number;
}

export const defaultTimings: Timings = {
  handshakeMs: 10_000,
  probeEveryMs: 3000,
  probeTimeoutMs: 1000,
  missesAllowed: 3,
  killAfterMs: 2000,
  stopLimitMs: 2500,
  backoffBaseMs: 250,
  backoffCapMs: 30_000,
  breakerRestarts: 5,
  breakerWindowMs: 60_000,
};
