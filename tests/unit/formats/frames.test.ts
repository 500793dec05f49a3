import * as fc from "fast-check";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { elfRegions } from "../../../build/formats/frames-elf.ts";
import { MAX_FRAME_BYTES, planFrames, type Slice } from "../../../build/formats/frames.ts";
import { programRegions } from "../../../build/formats/program-regions.ts";
import type { ProgramRegions } from "../../../build/formats/region-tiles.ts";
import { stubPath } from "../../../build/stub/targets.ts";

const MIB = 1 << 20;
const noElf = (): undefined => undefined;

function slice(path: string, part: string, length: number, offset = 0): Slice {
  return { path, part, offset, length };
}

test("large files get their own frames, small ones share one for each part", () => {
  const frames = planFrames(
    [
      slice("z/big", "natives", 3 * MIB),
      slice("b", "app code", 10),
      slice("a", "app code", 20),
      slice("c", "database", 30),
      slice("empty", "database", 0),
    ],
    noElf,
  );
  expect(frames.map(({ slices }) => slices.map(({ path }) => path))).toEqual([["z/big"], ["a", "b"], ["c"]]);
  expect(frames.map(({ rawLength }) => rawLength)).toEqual([3 * MIB, 30, 30]);
});

test("segments of one file are cut apart", () => {
  const frames = planFrames(
    [slice("sidecar", "sidecar runtime", 9 * MIB), slice("sidecar", "app code", 2 * MIB, 9 * MIB)],
    noElf,
  );
  expect(frames.map(({ slices }) => slices)).toEqual([
    [slice("sidecar", "sidecar runtime", 9 * MIB)],
    [slice("sidecar", "app code", 2 * MIB, 9 * MIB)],
  ]);
});

test("the data of all programs shares a frame, their code does not", () => {
  const elf: ProgramRegions = {
    filter: "bcj-x86",
    regions: [
      { kind: "head", offset: 0, length: 4096 },
      { kind: "data", offset: 4096, length: 5 * MIB },
      { kind: "code", offset: 4096 + 5 * MIB, length: 7 * MIB },
    ],
  };
  const length = 4096 + 12 * MIB;
  const frames = planFrames(
    [slice("bun", "shell runtime", length), slice("node", "sidecar runtime", length)],
    () => elf,
  );
  expect(frames.map(({ filter, isLong, slices }) => [filter, isLong, slices.map(({ path }) => path)])).toEqual([
    ["bcj-x86", false, ["bun"]],
    ["bcj-x86", false, ["node"]],
    ["none", true, ["bun", "node"]],
    ["none", false, ["bun"]],
    ["none", false, ["node"]],
  ]);
});

test("every byte is in exactly one frame, and no frame is too long", () => {
  const files = fc.array(
    fc.record({
      length: fc.oneof(fc.nat(3 * MIB), fc.nat(3 * MAX_FRAME_BYTES)),
      part: fc.constantFrom("a", "b"),
      hasElf: fc.boolean(),
    }),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(files, (list) => {
      const segments = list.map(({ part, length }, at) => slice(`f${at}`, part, length));
      const frames = planFrames(segments, ({ path, length }) => {
        const isElf = list[Number(path.slice(1))]?.hasElf && length > 3;
        const third = Math.floor(length / 3);
        return isElf
          ? {
              filter: "bcj-arm64",
              regions: [
                { kind: "data", offset: 0, length: third },
                { kind: "code", offset: third, length: length - third },
              ],
            }
          : undefined;
      });
      for (const { rawLength, slices } of frames) {
        expect(rawLength).toBeLessThanOrEqual(MAX_FRAME_BYTES);
        expect(rawLength).toBe(slices.reduce((sum, { length }) => sum + length, 0));
      }
      for (const { path, length } of segments) {
        const places = frames.flatMap(({ slices }) => slices.filter((one) => one.path === path));
        let at = 0;
        for (const place of places.sort((a, b) => a.offset - b.offset)) {
          expect(place.offset).toBe(at);
          at += place.length;
        }
        expect(at).toBe(length);
      }
    }),
  );
});

function elf(
  machine: number,
  segments: readonly { flags: number; offset: number; length: number }[],
  size: number,
): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.write("\x7fELF\x02\x01", "latin1");
  bytes.writeUInt16LE(machine, 18);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(segments.length, 56);
  for (const [at, { flags, offset, length }] of segments.entries()) {
    bytes.writeUInt32LE(1, 64 + at * 56);
    bytes.writeUInt32LE(flags, 64 + at * 56 + 4);
    bytes.writeBigUInt64LE(BigInt(offset), 64 + at * 56 + 8);
    bytes.writeBigUInt64LE(BigInt(length), 64 + at * 56 + 32);
  }
  return bytes;
}

const source = (bytes: Buffer) => ({
  size: bytes.length,
  read: (offset: number, length: number) => bytes.subarray(offset, offset + length),
});

test("an ELF file is cut into head, data and code, up to the given length", () => {
  const bytes = elf(
    183,
    [
      { flags: 4, offset: 0, length: 9000 },
      { flags: 5, offset: 9100, length: 8000 },
    ],
    40_000,
  );
  expect(elfRegions(source(bytes), 30_000)).toEqual({
    filter: "bcj-arm64",
    regions: [
      { kind: "head", offset: 0, length: 4096 },
      { kind: "data", offset: 4096, length: 4096 },
      { kind: "code", offset: 8192, length: 12_288 },
      { kind: "data", offset: 20_480, length: 9520 },
    ],
  });
});

/** A PE file of 64 bits with these sections. */
function pe(
  machine: number,
  sections: readonly { readonly isCode: boolean; readonly offset: number; readonly length: number }[],
  size: number,
): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.write("MZ", "latin1");
  bytes.writeUInt32LE(0x80, 60);
  bytes.write("PE\0\0", 0x80, "latin1");
  bytes.writeUInt16LE(machine, 0x84);
  bytes.writeUInt16LE(sections.length, 0x86);
  bytes.writeUInt16LE(240, 0x94);
  const optional = 0x98;
  bytes.writeUInt16LE(0x20b, optional);
  bytes.writeUInt32LE(1024, optional + 60);
  bytes.writeUInt32LE(16, optional + 108);
  for (const [number, { isCode, offset, length }] of sections.entries()) {
    const at = optional + 240 + number * 40;
    bytes.writeUInt32LE(length, at + 16);
    bytes.writeUInt32LE(offset, at + 20);
    bytes.writeUInt32LE(isCode ? 0x6000_0020 : 0x4000_0040, at + 36);
  }
  return bytes;
}

test("a Windows program is cut at its sections, and what follows the last one is data", () => {
  const sections = [
    { isCode: true, offset: 1024, length: 8192 },
    { isCode: false, offset: 9216, length: 4096 },
    { isCode: true, offset: 13_312, length: 512 },
  ];
  expect(programRegions(source(pe(0x8664, sections, 40_000)), 30_000)).toEqual({
    filter: "bcj-x86",
    regions: [
      { kind: "head", offset: 0, length: 1024 },
      { kind: "code", offset: 1024, length: 8192 },
      { kind: "data", offset: 9216, length: 4096 },
      { kind: "code", offset: 13_312, length: 512 },
      { kind: "data", offset: 13_824, length: 16_176 },
    ],
  });
  expect(programRegions(source(pe(0xaa64, sections, 40_000)), 40_000)?.filter).toBe("bcj-arm64");
  expect(programRegions(source(pe(0x14c, sections, 40_000)), 40_000)).toBeUndefined();
});

test("the stubs for both systems are taken for the programs that they are", () => {
  for (const target of ["linux-x64", "linux-arm64", "win32-x64"] as const) {
    const program = readFileSync(stubPath(target));
    const { filter, regions } = programRegions(source(program), program.length)!;
    expect(filter).toBe(target === "linux-arm64" ? "bcj-arm64" : "bcj-x86");
    const code = regions.filter(({ kind }) => kind === "code").reduce((sum, { length }) => sum + length, 0);
    expect(code / program.length).toBeGreaterThan(0.3);
    expect(code / program.length).toBeLessThan(0.6);
  }
});

test("anything else, and any damaged header, is undefined or still tiles the file", () => {
  expect(elfRegions(source(Buffer.alloc(9000)), 9000)).toBeUndefined();
  expect(elfRegions(source(elf(3, [], 9000)), 9000)).toBeUndefined();
  const program = elf(
    62,
    [
      { flags: 5, offset: 9100, length: 8000 },
      { flags: 5, offset: 5000, length: 4400 },
    ],
    20_000,
  );
  const windows = pe(
    0x8664,
    [
      { isCode: true, offset: 9100, length: 8000 },
      { isCode: true, offset: 5000, length: 4400 },
    ],
    20_000,
  );
  const flips = fc.array(fc.tuple(fc.nat(500), fc.nat(255)), { maxLength: 8 });
  fc.assert(
    fc.property(fc.constantFrom(program, windows), flips, fc.nat(20_000), (bytes, changes, length) => {
      const damaged = Buffer.from(bytes);
      for (const [at, value] of changes) damaged[at] = value;
      const found = programRegions(source(damaged), length);
      let at = 0;
      for (const region of found?.regions ?? []) {
        expect(region.offset).toBe(at);
        expect(region.length).toBeGreaterThan(0);
        at += region.length;
      }
      if (found) expect(at).toBe(length);
    }),
  );
});
