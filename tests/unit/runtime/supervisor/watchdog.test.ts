import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Health } from "../../../../runtime/supervisor/probe.ts";
import { startWatchdog } from "../../../../runtime/supervisor/watchdog.ts";

const timings = { probeEveryMs: 3000, missesAllowed: 3 };
const TIMEOUT_MS = 1000;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** Probes that answer as listed; `silent` takes the whole timeout. */
function setUp(answers: readonly Health[]) {
  const faults: { reason: string; atMs: number }[] = [];
  const startMs = Date.now();
  let count = 0;
  const probe = (): Promise<Health> => {
    const health = answers[count] ?? "silent";
    count += 1;
    return new Promise((resolve) => setTimeout(() => resolve(health), health === "silent" ? TIMEOUT_MS : 1));
  };
  const watchdog = startWatchdog(timings, probe, (reason) => faults.push({ reason, atMs: Date.now() - startMs }));
  return { faults, watchdog, probes: () => count };
}

test("three misses in a row are a hang, found ten seconds after it began", async () => {
  const { faults } = setUp([]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(faults).toEqual([{ reason: expect.stringContaining("hangs: 3 health checks"), atMs: 10_000 }]);
});

test("an answer in between starts the count again", async () => {
  const { faults, probes } = setUp(["silent", "silent", "alive", "silent", "silent", "alive", "alive"]);
  await vi.advanceTimersByTimeAsync(21_500);
  expect(probes()).toBe(7);
  expect(faults).toEqual([]);
});

test("one stranger's answer is enough", async () => {
  const { faults } = setUp(["alive", "stranger"]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(faults).toEqual([{ reason: expect.stringContaining("without knowing the secret"), atMs: 6001 }]);
});

test("a stopped watchdog says nothing, not even about a probe under way", async () => {
  const { faults, watchdog } = setUp(["alive", "stranger"]);
  await vi.advanceTimersByTimeAsync(6000);
  watchdog.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(faults).toEqual([]);
});

test("a probe that outlives its beat is not doubled", async () => {
  let running = 0;
  let most = 0;
  const slow = async (): Promise<Health> => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    running -= 1;
    return "alive";
  };
  const watchdog = startWatchdog(timings, slow, () => expect.unreachable());
  await vi.advanceTimersByTimeAsync(60_000);
  watchdog.stop();
  expect(most).toBe(1);
});
