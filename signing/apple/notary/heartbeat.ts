/**
 * A line at least every 30 s while something slow goes on, because CI ends
 * jobs that are silent. Waiting is cut into steps of 15 s, and no request may
 * take longer than such a step, so that two steps never pass without a line.
 */
import type { NotarySurroundings } from "./surroundings.ts";

export const HEARTBEAT_MS = 30_000;
const STEP_MS = 15_000;

/** The surroundings with a `sleep` that prints `line(elapsedMs)` in time; any other report counts as a line, too. */
export function withHeartbeat(around: NotarySurroundings, line: (elapsedMs: number) => string): NotarySurroundings {
  const startedAt = around.now().getTime();
  let lastLineAt = startedAt;
  const report = (text: string): void => {
    lastLineAt = around.now().getTime();
    around.report(text);
  };
  return {
    ...around,
    report,
    sleep: async (ms, signal) => {
      for (let left = ms; left > 0; left -= STEP_MS) {
        const now = around.now().getTime();
        if (now - lastLineAt + STEP_MS > HEARTBEAT_MS) report(line(now - startedAt));
        await around.sleep(Math.min(left, STEP_MS), signal);
      }
    },
  };
}
