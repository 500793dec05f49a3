import { expect, test } from "vitest";
import { createBreaker } from "../../../../runtime/supervisor/breaker.ts";
import { defaultTimings } from "../../../../runtime/supervisor/timings.ts";

function setUp() {
  const clock = { nowMs: 0 };
  const breaker = createBreaker(
    defaultTimings,
    () => clock.nowMs,
    () => 0.5,
  );
  const fail = (atMs: number, hasServed: boolean): number | "open" => {
    clock.nowMs = atMs;
    const verdict = breaker.failed(hasServed);
    return verdict.kind === "open" ? "open" : verdict.afterMs;
  };
  return { breaker, fail };
}

test("a crash loop backs off and opens at the sixth failure", () => {
  const { fail } = setUp();
  expect([0, 100, 600, 1400, 2700, 5000].map((atMs) => fail(atMs, false))).toEqual([0, 250, 500, 1000, 2000, "open"]);
});

test("five restarts within a minute open it even if each one served", () => {
  const { fail } = setUp();
  expect([0, 10, 20, 30, 40, 50].map((second) => fail(second * 1000, true)).at(-1)).toBe("open");
});

test("restarts far apart never open it and each comes at once", () => {
  const { fail } = setUp();
  for (let hour = 0; hour < 50; hour += 1) expect(fail(hour * 3_600_000, true)).toBe(0);
});

test("starts that never serve open it, however long each takes", () => {
  const { fail } = setUp();
  const verdicts = [1, 2, 3, 4, 5, 6].map((minute) => fail(minute * 61_000, false));
  expect(verdicts).toEqual([0, 250, 500, 1000, 2000, "open"]);
});

test("having served once forgives the starts that never did", () => {
  const { fail } = setUp();
  for (const minute of [1, 2, 3, 4]) fail(minute * 61_000, false);
  expect(fail(5 * 61_000, true)).toBe(0);
});

test("a restart by the user forgets everything", () => {
  const { fail, breaker } = setUp();
  for (let count = 0; count < 6; count += 1) fail(count, false);
  breaker.reset();
  expect(fail(10, false)).toBe(0);
});
