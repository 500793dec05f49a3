import * as fc from "fast-check";
import { expect, test } from "vitest";
import { oneBlock, planBlocks, type Cut } from "../../../build/formats/blocks.ts";
import { lengthOf, totalLength, type Extent } from "../../../build/formats/extent.ts";

type Part = "runtime" | "app" | "rest";
const MIB = 1 << 20;
const header: Extent = { bytes: new Uint8Array(512) };

/** A program: head, code, data; then what was injected. */
const CUTS: readonly Cut<Part>[] = [
  { offset: 0, length: 4096, part: "runtime", filter: "none" },
  { offset: 4096, length: 3 * MIB, part: "runtime", filter: "x86" },
  { offset: 4096 + 3 * MIB, length: 70 * MIB, part: "runtime", filter: "none" },
  { offset: 4096 + 73 * MIB, length: 5000, part: "app", filter: "none" },
];
const program: Extent = { file: "program", offset: 0, length: 4096 + 73 * MIB + 5000 };
const cutsOf = (file: string): readonly Cut<Part>[] | undefined => (file === "program" ? CUTS : undefined);

test("large runs have blocks of their own, filtered; what lies between shares one", () => {
  const blocks = planBlocks<Part>({ extents: [header, program, header], cutsOf, rest: "rest" });
  expect(blocks.map(({ filter, rawBytes, parts }) => [filter, rawBytes, Object.fromEntries(parts)])).toEqual([
    ["none", 4608, { rest: 512, runtime: 4096 }],
    ["x86", 3 * MIB, { runtime: 3 * MIB }],
    ["none", 64 * MIB, { runtime: 64 * MIB }],
    ["none", 6 * MIB, { runtime: 6 * MIB }],
    ["none", 5512, { app: 5000, rest: 512 }],
  ]);
});

test("a change of app code leaves the blocks of the runtime as they are", () => {
  const plan = (bytes: number) =>
    planBlocks<Part>({
      extents: [header, { ...program, length: 4096 + 73 * MIB + bytes }, header],
      cutsOf: () => [...CUTS.slice(0, 3), { ...CUTS[3]!, length: bytes }],
      rest: "rest",
    });
  expect(plan(700_000).slice(0, 4)).toEqual(plan(5000).slice(0, 4));
});

test("bytes without a cut are a bug of the caller", () => {
  const request = { extents: [program], cutsOf: () => CUTS.slice(1), rest: "rest" } as const;
  expect(() => planBlocks<Part>(request)).toThrow("byte 0 of program is in no cut");
});

test("blocks hold every byte once, in order, whatever the extents", () => {
  const extent = fc.record({ file: fc.constant("other"), offset: fc.nat(99), length: fc.nat(20 * MIB) });
  fc.assert(
    fc.property(fc.array(extent, { maxLength: 12 }), (extents) => {
      const request = { extents, cutsOf, rest: "rest" as Part };
      const blocks = planBlocks<Part>(request);
      expect(blocks.every(({ rawBytes }) => rawBytes > 0 && rawBytes <= 64 * MIB)).toBe(true);
      expect(blocks.every((block) => totalLength(block.extents) === block.rawBytes)).toBe(true);
      expect(totalLength(blocks.flatMap((block) => block.extents))).toBe(totalLength(extents));
      expect(oneBlock<Part>(request).extents.map(lengthOf)).toEqual(
        extents.map(lengthOf).filter((length) => length > 0),
      );
    }),
    { numRuns: 50 },
  );
});
