import * as fc from "fast-check";
import { expect, test } from "vitest";
import { formatSize, parseSize } from "../../../build/config/size.ts";

test.each([
  ["128 MB", 128_000_000],
  ["128MB", 128_000_000],
  ["1.5 kB", 1500],
  ["64 MiB", 67_108_864],
  ["0.5 GiB", 536_870_912],
  ["2 GB", 2_000_000_000],
  ["812 B", 812],
])("%s is %i bytes", (text, bytes) => {
  expect(parseSize(text)).toEqual({ ok: true, bytes });
});

test.each([
  ["40", "40 MB"],
  ["40 mb", "40 MB"],
  ["40 KB", "40 kB"],
  ["40 Mio", "40 MB"],
  ["-1 MB", "128 MB"],
  ["0 MB", "128 MB"],
  ["", "128 MB"],
  ["1e9 MB", "128 MB"],
  ["1,5 MB", "128 MB"],
  ["999999999999999 GB", "128 MB"],
])("%j is refused; %s would be read", (text, fix) => {
  expect(parseSize(text)).toMatchObject({ ok: false, fix });
  expect(parseSize(fix).ok).toBe(true);
});

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [999_949, "999.9 kB"],
  [999_950, "1.0 MB"],
  [43_210_000, "43.2 MB"],
  [999_950_000, "1.0 GB"],
  [-2_900_000, "-2.9 MB"],
])("%i prints as %s", (bytes, text) => {
  expect(formatSize(bytes)).toBe(text);
});

test("what is printed is read back, up to its rounding", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10 ** 13 }), (bytes) => {
      const parsed = parseSize(formatSize(bytes));
      expect(parsed.ok && Math.abs(parsed.bytes - bytes) / bytes).toBeLessThanOrEqual(0.051);
    }),
  );
});

test("any text is answered", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const parsed = parseSize(text);
      expect(parsed.ok ? Number.isSafeInteger(parsed.bytes) && parsed.bytes > 0 : parsed.reason !== "").toBe(true);
    }),
  );
});
