import * as fc from "fast-check";
import { expect, test } from "vitest";
import { peChecksum } from "../../../../signing/windows/checksum.ts";

/** As the format describes it: 16-bit words, carry after every step. */
function plainly(file: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < file.length; at += 2) {
    sum += (file[at] ?? 0) + ((file[at + 1] ?? 0) << 8);
    sum = (sum & 0xffff) + (sum >>> 16);
  }
  return sum + file.length;
}

test("any file in any pieces, in any order, at any alignment in memory", () => {
  const cuts = fc.array(fc.nat(300), { maxLength: 6 });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), cuts, fc.boolean(), (file, at, isReversed) => {
      const edges = [...new Set([0, file.length, ...at.filter((cut) => cut < file.length)])].sort((a, b) => a - b);
      const pieces = edges.slice(1).map((end, index) => ({ start: edges[index] ?? 0, end }));
      const sum = peChecksum();
      for (const { start, end } of isReversed ? pieces.reverse() : pieces) sum.add(file.subarray(start, end), start);
      expect(sum.value(file.length)).toBe(plainly(file));
    }),
    { numRuns: 500 },
  );
});

test("words of all ones, longer than one fold: no carry is lost", () => {
  const file = new Uint8Array(9 << 20).fill(0xff);
  const sum = peChecksum();
  sum.add(file, 0);
  expect(sum.value(file.length)).toBe(0xffff + file.length);
});

test("a copy goes its own way", () => {
  const sum = peChecksum();
  sum.add(Uint8Array.of(1, 0), 0);
  const copy = sum.copy();
  copy.add(Uint8Array.of(2, 0), 2);
  expect([sum.value(2), copy.value(4)]).toEqual([3, 7]);
});
