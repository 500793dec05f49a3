import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encodeFatTable, isFat, parseFat } from "../../../../signing/apple/fat.ts";
import { ErthError } from "../../../../runtime/base/errors.ts";
import { tinyFat, tinyMachO } from "./tiny-mach-o.ts";

const arm64 = tinyMachO();
const x64 = tinyMachO({ architecture: "x86_64" });

test("a universal file's slices are found, and its table is written as it was read", () => {
  const file = tinyFat(x64, arm64);
  const slices = parseFat(file, file.length);
  expect(slices.map(({ offset, size }) => file.subarray(offset, offset + size))).toEqual([x64, arm64]);
  expect(Buffer.from(encodeFatTable(slices))).toEqual(file.subarray(0, 8 + 2 * 20));
});

test("a Java class file shares the magic and is no universal file", () => {
  // Java 8 is version 52: what a universal file would call 52 slices.
  const javaClass = Buffer.from("cafebabe000000340010", "hex");
  expect(isFat(javaClass)).toBe(false);
  expect(isFat(tinyFat(x64, arm64))).toBe(true);
});

test.each([
  ["slices that overlap", (file: Buffer) => file.copy(file, 8 + 20 + 8, 8 + 8, 8 + 12), /overlap/],
  ["a slice outside the file", (file: Buffer) => file.writeUInt32BE(file.length, 8 + 12), /outside/],
  ["a slice inside the table", (file: Buffer) => file.writeUInt32BE(0, 8 + 8), /outside/],
  ["a wrong alignment", (file: Buffer) => file.writeUInt32BE(0x4001, 8 + 8), /not aligned/],
  ["an alignment that no system has", (file: Buffer) => file.writeUInt32BE(31, 8 + 16), /aligned to 2\^31/],
  ["two slices for one processor", (file: Buffer) => file.copy(file, 8 + 20, 8, 8 + 8), /same processor/],
  ["no slices", (file: Buffer) => file.writeUInt32BE(0, 4), /0 slices/],
])("%s are refused", (_, damage, message) => {
  const file = tinyFat(x64, arm64);
  damage(file);
  expect(() => parseFat(file, file.length)).toThrow(message);
});

test("the 64-bit table is named as such", () => {
  const file = tinyFat(x64, arm64);
  file.writeUInt32BE(0xcafebabf, 0);
  expect(() => parseFat(file, file.length)).toThrow(/64-bit/);
});

test("any bytes give slices inside the file, or an error of ours", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 200 }), fc.nat(1 << 20), (bytes, size) => {
      const file = Buffer.concat([Buffer.from("cafebabe000000", "hex"), bytes]);
      try {
        for (const slice of parseFat(file, size)) expect(slice.offset + slice.size).toBeLessThanOrEqual(size);
      } catch (error) {
        expect(error).toBeInstanceOf(ErthError);
      }
    }),
  );
});
