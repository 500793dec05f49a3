import { expect, test } from "vitest";
import { targetsOfBinary } from "../../../build/sidecars/binary-target.ts";

function head(...fields: readonly (readonly [offset: number, bytes: readonly number[]])[]): Uint8Array {
  const bytes = new Uint8Array(512);
  for (const [offset, values] of fields) bytes.set(values, offset);
  return bytes;
}
const ELF = [0x7f, 0x45, 0x4c, 0x46, 2, 1];
const MACH_O = [0xcf, 0xfa, 0xed, 0xfe];

test.each([
  ["ELF x64", head([0, ELF], [0x12, [62]]), ["linux-x64"]],
  ["ELF arm64", head([0, ELF], [0x12, [183]]), ["linux-arm64"]],
  ["ELF riscv", head([0, ELF], [0x12, [243]]), []],
  ["32-bit ELF", head([0, [0x7f, 0x45, 0x4c, 0x46, 1, 1]], [0x12, [62]]), []],
  ["Mach-O arm64", head([0, MACH_O], [4, [0x0c, 0, 0, 1]]), ["darwin-arm64"]],
  ["Mach-O x64", head([0, MACH_O], [4, [0x07, 0, 0, 1]]), ["darwin-x64"]],
  [
    "universal Mach-O",
    head([0, [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2]], [8, [1, 0, 0, 7]], [28, [1, 0, 0, 12]]),
    ["darwin-x64", "darwin-arm64"],
  ],
  ["Java class, which shares the universal magic", head([0, [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 65]]), []],
  ["PE x64", head([0, [0x4d, 0x5a]], [0x3c, [0x80]], [0x80, [0x50, 0x45, 0, 0, 0x64, 0x86]]), ["win32-x64"]],
  ["PE with its header out of reach", head([0, [0x4d, 0x5a]], [0x3c, [0xff, 0xff, 0xff, 0x7f]]), []],
  ["text", Buffer.from("#!/bin/sh\n".padEnd(100)), []],
  ["nothing", new Uint8Array(0), []],
])("%s", (_, bytes, expected) => {
  expect(targetsOfBinary(bytes)).toEqual(expected);
});
