import { expect, test } from "vitest";
import { backoffMs } from "../../../../runtime/supervisor/backoff.ts";

const timings = { backoffBaseMs: 250, backoffCapMs: 30_000 };
const wait = (restarts: number, random: number): number => backoffMs(restarts, timings, () => random);

test("nothing the first time, then doubling up to the cap", () => {
  expect([0, 1, 2, 3, 4, 7, 8, 9, 100].map((restarts) => wait(restarts, 0.5))).toEqual([
    0, 250, 500, 1000, 2000, 16_000, 30_000, 30_000, 30_000,
  ]);
});

test("jitter is a fifth either way, and never over the cap", () => {
  expect([wait(1, 0), wait(1, 0.999_999)]).toEqual([200, 300]);
  expect([wait(50, 0), wait(50, 0.999_999)]).toEqual([24_000, 30_000]);
});
