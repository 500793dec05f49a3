import * as fc from "fast-check";
import { expect, test } from "vitest";
import { allowedBytes, formatLimit, parseLimit } from "../../../build/config/limit.ts";

test.each([
  ["64 MB", { kind: "size", bytes: 64_000_000 }],
  ["+2%", { kind: "growth", percent: 2 }],
  [" + 0.5 % ", { kind: "growth", percent: 0.5 }],
  ["+500 kB", { kind: "growth", bytes: 500_000 }],
])("%j is read", (text, limit) => {
  expect(parseLimit(text)).toEqual({ ok: true, limit });
});

test.each([
  ["2%", "+2%"],
  ["+500", "+500 MB"],
  ["+", "+2%"],
  ["+much", "+2%"],
  ["64", "64 MB"],
  ["+-2%", "+128 MB"],
])("%j is refused; %s would be read", (text, fix) => {
  expect(parseLimit(text)).toMatchObject({ ok: false, fix });
  expect(parseLimit(fix).ok).toBe(true);
});

test("a share is of the release before; without one it allows anything", () => {
  expect(allowedBytes({ kind: "growth", percent: 2 }, 1000)).toBe(1020);
  expect(allowedBytes({ kind: "growth", bytes: 5 }, 1000)).toBe(1005);
  expect(allowedBytes({ kind: "growth", percent: 2 }, undefined)).toBeUndefined();
  expect(allowedBytes({ kind: "size", bytes: 7 }, undefined)).toBe(7);
  expect(formatLimit({ kind: "growth", percent: 0.5 })).toBe("+0.5%");
});

test("any text is answered", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const parsed = parseLimit(text);
      expect(parsed.ok || parsed.reason !== "").toBe(true);
    }),
  );
});
