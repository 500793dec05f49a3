import * as fc from "fast-check";
import { expect, test } from "vitest";
import { rangeOfBytes } from "../../../../build/formats/byte-range.ts";
import { isMachO, parseMachO, readMachO } from "../../../../signing/apple/mach-o.ts";
import { signedExtent } from "../../../../signing/apple/signature-space.ts";
import { ErthError } from "../../../../runtime/base/errors.ts";
import { tinyMachO } from "./tiny-mach-o.ts";

test("header, segments and versions are read", async () => {
  const file = tinyMachO({ textBytes: 8192, linkEditBytes: 100 });
  const machO = await readMachO(rangeOfBytes(file));
  expect(machO).toMatchObject({
    architecture: "arm64",
    fileType: 2,
    sdkVersion: 0x000f0500,
    signature: undefined,
    linkEditDataEnd: 8292,
    size: 8292,
    text: { name: "__TEXT", fileOffset: 0, fileSize: 8192 },
    linkEdit: { name: "__LINKEDIT", fileOffset: 8192, fileSize: 100 },
  });
  expect(machO.firstSectionOffset).toBe(machO.commandsEnd + 64);
  expect(signedExtent(machO)).toEqual({ contentBytes: 8292, codeLimit: 8304 });
});

test("Mach-O of every word size and byte order is recognised by its magic, and only the usual one is read", async () => {
  for (const magic of [0xfeedface, 0xcefaedfe, 0xcffaedfe]) {
    const file = tinyMachO();
    file.writeUInt32LE(magic, 0);
    expect(isMachO(file)).toBe(true);
    await expect(readMachO(rangeOfBytes(file))).rejects.toMatchObject({ code: "MACHO_UNSUPPORTED" });
  }
  expect(isMachO(Buffer.from("#!/bin/sh"))).toBe(false);
  expect(isMachO(Buffer.from("cf", "hex"))).toBe(false);
});

test.each([
  ["a processor of no Mac", (file: Buffer) => file.writeUInt32LE(0x12, 4), "MACHO_UNSUPPORTED"],
  ["more load commands than there are", (file: Buffer) => file.writeUInt32LE(9, 16), "MACHO_MALFORMED"],
  ["fewer load commands than there are", (file: Buffer) => file.writeUInt32LE(2, 16), "MACHO_MALFORMED"],
  ["load commands longer than the file", (file: Buffer) => file.writeUInt32LE(1 << 19, 20), "MACHO_MALFORMED"],
  ["load commands of a gigabyte", (file: Buffer) => file.writeUInt32LE(1 << 30, 20), "MACHO_MALFORMED"],
  ["an empty load command", (file: Buffer) => file.writeUInt32LE(0, 36), "MACHO_MALFORMED"],
  ["a segment outside the file", (file: Buffer) => file.writeUInt32LE(0x7fffffff, 32 + 48), "MACHO_MALFORMED"],
  ["a segment beyond all files", (file: Buffer) => file.writeUInt32LE(0xffffffff, 32 + 52), "MACHO_MALFORMED"],
  ["more sections than fit", (file: Buffer) => file.writeUInt32LE(99, 32 + 64), "MACHO_MALFORMED"],
  ["no __TEXT", (file: Buffer) => file.write("__TEST", 32 + 8), "MACHO_UNSUPPORTED"],
])("%s is refused", async (_, damage, code) => {
  const file = tinyMachO();
  damage(file);
  await expect(readMachO(rangeOfBytes(file))).rejects.toMatchObject({ code });
});

test("a file cut off anywhere is an error of ours, or a file whose parts lie inside it", async () => {
  const file = tinyMachO({ textBytes: 1024, linkEditBytes: 40 });
  for (let length = 0; length < file.length; length += 1) {
    await expect(readMachO(rangeOfBytes(file.subarray(0, length))), `${length} bytes`).rejects.toBeInstanceOf(
      ErthError,
    );
  }
});

test("any change to the header is an error of ours, or parts that lie inside the file", () => {
  const file = tinyMachO();
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(500), fc.nat(255)), { minLength: 1, maxLength: 8 }), (changes) => {
      const changed = Buffer.from(file);
      for (const [at, value] of changes) changed[at] = value;
      try {
        const machO = parseMachO(changed, changed.length);
        for (const segment of machO.segments) {
          if (segment.fileSize > 0) expect(segment.fileOffset + segment.fileSize).toBeLessThanOrEqual(changed.length);
        }
        expect(signedExtent(machO).contentBytes).toBeLessThanOrEqual(changed.length);
      } catch (error) {
        expect(error).toBeInstanceOf(ErthError);
      }
    }),
    { numRuns: 500 },
  );
});
