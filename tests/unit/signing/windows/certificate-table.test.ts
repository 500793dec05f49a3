import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  certificateTablePlace,
  encodeCertificateTable,
  parseCertificateTable,
} from "../../../../signing/windows/certificate-table.ts";
import { parsePe } from "../../../../signing/windows/pe.ts";
import { entryOffset, smallPe } from "./small-pe.ts";

function place(offset: number, length: number, extra = 64) {
  const file = Buffer.concat([smallPe(), Buffer.alloc(extra)]);
  file.writeUInt32LE(offset, entryOffset());
  file.writeUInt32LE(length, entryOffset() + 4);
  return certificateTablePlace(parsePe(file, file.length));
}

const END = smallPe().length;

test("a table at the end of the file is found", () => {
  expect(place(END, 64)).toEqual({ place: { offset: END, length: 64 }, faults: [] });
});

test.each([
  ["half an entry", [END, 0], "half an entry"],
  ["an entry without a place", [0, 64], "half an entry"],
  ["an entry inside the sections", [END - 8, 64], "inside the image"],
  ["a table cut off", [END, 72], "beyond the file"],
  ["an entry that another tool left behind", [END + 4096, 64], "beyond the file"],
  ["an entry over four gigabytes", [0xffff_fff8, 0xffff_fff8], "beyond the file"],
] as const)("%s names no table", (_, [offset, length], fault) => {
  expect(place(offset, length)).toEqual({ place: undefined, faults: [expect.stringContaining(fault)] });
});

test("data after the table and a table off its alignment are told", () => {
  expect(place(END, 56).faults).toEqual(["8 bytes follow the certificate table"]);
  expect(place(END + 4, 60).faults).toEqual([expect.stringContaining("not a multiple of 8")]);
});

test("what is encoded is parsed, padding counted in dwLength", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), (signature) => {
      const table = encodeCertificateTable(signature);
      expect(table.length % 8).toBe(0);
      const { entries, faults } = parseCertificateTable(table);
      expect(faults).toEqual([]);
      expect(entries).toHaveLength(1);
      expect(entries[0]).toMatchObject({ offset: 0, length: table.length, revision: 0x200, type: 2 });
      expect(Buffer.from(entries[0]?.content ?? []).subarray(0, signature.length)).toEqual(Buffer.from(signature));
    }),
  );
});

const damages: readonly (readonly [string, (table: Buffer) => void, string])[] = [
  ["an entry shorter than its header", (table: Buffer) => void table.writeUInt32LE(7, 0), "has 7 bytes"],
  ["an entry of no length", (table: Buffer) => void table.writeUInt32LE(0, 0), "has 0 bytes"],
  [
    "an entry longer than the table",
    (table: Buffer) => void table.writeUInt32LE(4096, 0),
    "has 4096 bytes, and 24 are left",
  ],
  ["another revision", (table: Buffer) => void table.writeUInt16LE(0x100, 4), "revision 0x100"],
  ["another type", (table: Buffer) => void table.writeUInt16LE(1, 6), "is of type 1"],
  ["bytes in the padding", (table: Buffer) => void table.fill(1, 20, 21).writeUInt32LE(18, 0), "padding of entry 0"],
];

test.each(damages)("%s is told", (_, damage, fault) => {
  const table = Buffer.from(encodeCertificateTable(Buffer.alloc(10, 0x30)));
  damage(table);
  expect(parseCertificateTable(table).faults).toContainEqual(expect.stringContaining(fault));
});

test("two entries are both parsed; any bytes end in faults, never in a throw", () => {
  const one = encodeCertificateTable(Buffer.alloc(10, 0x30));
  expect(parseCertificateTable(Buffer.concat([one, one])).entries).toHaveLength(2);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const { entries } = parseCertificateTable(bytes);
      for (const { offset, length } of entries) expect(offset + length).toBeLessThanOrEqual(bytes.length);
    }),
  );
});
