import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ByteSource } from "../../../build/formats/elf-strip.ts";
import { planMachOStrip } from "../../../build/formats/mach-o-strip.ts";
import { stripped, symbolsOf, symbolicMachO } from "./symbolic-mach-o.ts";

const source = (bytes: Uint8Array): ByteSource => ({
  size: bytes.length,
  read: (offset, length) => bytes.subarray(offset, offset + length),
});

test("debugging entries and private symbols go; exports, imports and indirect ones stay, renumbered", () => {
  const file = symbolicMachO();
  expect(symbolsOf(file).names).toEqual(["main.c", "_local", "_hidden", "_stubbed", "_exported", "_other", "_printf"]);
  const result = stripped(file, planMachOStrip(source(file)));
  expect(symbolsOf(result)).toEqual({
    names: ["_stubbed", "_exported", "_other", "_printf"],
    groups: { local: [0, 1], exported: [1, 2], undefined: [3, 1] },
    // Entry 0 was _stubbed (3), entry 1 _printf (6), entry 2 is no symbol at all.
    indirect: [0, 3, 0x80000000],
    hasSignature: false,
    linkEditEnd: result.length,
  });
  expect(result.length).toBeLessThan(file.length);
});

test("stripping twice changes nothing more", () => {
  const once = stripped(symbolicMachO(), planMachOStrip(source(symbolicMachO())));
  expect(Buffer.compare(stripped(once, planMachOStrip(source(once))), once)).toBe(0);
});

test("what lies before the symbols stays where it is", () => {
  const file = symbolicMachO();
  const plan = planMachOStrip(source(file));
  const result = stripped(file, plan);
  expect(
    result.subarray(plan.header.length, plan.keepBytes).equals(file.subarray(plan.header.length, plan.keepBytes)),
  ).toBe(true);
});

test.each([
  ["an archive", Buffer.from("!<arch>\n".padEnd(64)), "MACHO_STRIP_UNSUPPORTED"],
  ["data after __LINKEDIT", Buffer.concat([symbolicMachO(), Buffer.alloc(8)]), "MACHO_STRIP_UNSUPPORTED"],
  ["function starts behind the symbols", symbolicMachO({ functionStartsLast: true }), "MACHO_STRIP_UNSUPPORTED"],
  ["an indirect symbol that is not there", symbolicMachO({ indirect: [99] }), "MACHO_STRIP_MALFORMED"],
])("%s is refused", (_name, file, code) => {
  expect(() => planMachOStrip(source(file))).toThrow(expect.objectContaining({ code }));
});

test("cut off anywhere, or with any byte changed, it is stripped or refused by name", () => {
  const file = symbolicMachO();
  const isCalm = (bytes: Uint8Array): void => {
    try {
      planMachOStrip(source(bytes));
    } catch (error) {
      expect(error).toMatchObject({ code: expect.stringMatching(/^MACHO_STRIP_/) });
    }
  };
  for (let length = 0; length < file.length; length += 1) isCalm(file.subarray(0, length));
  fc.assert(
    fc.property(fc.integer({ min: 0, max: file.length - 1 }), fc.integer({ min: 0, max: 255 }), (at, value) => {
      const changed = Buffer.from(file);
      changed[at] = value;
      isCalm(changed);
    }),
    { numRuns: 2000 },
  );
});
