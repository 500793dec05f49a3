import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ErthError } from "../../../../runtime/base/errors.ts";
import { certificateEntryOffset, parsePe } from "../../../../signing/windows/pe.ts";
import { certificateTablePlace } from "../../../../signing/windows/certificate-table.ts";
import { layoutFaults } from "../../../../signing/windows/authenticode.ts";
import { CHECKSUM_OFFSET, entryOffset, OPTIONAL_OFFSET, PE_OFFSET, smallPe } from "./small-pe.ts";

const parse = (file: Buffer, fileBytes = file.length) => parsePe(file, fileBytes);

test.each(["PE32", "PE32+"] as const)(
  "%s: headers, sections, directories and the fields that signing writes",
  (format) => {
    const file = smallPe({
      format,
      overlay: Buffer.alloc(100, 1),
      resources: [{ type: 10, id: "A", bytes: Buffer.alloc(9) }],
    });
    const pe = parse(file);
    expect(pe).toMatchObject({
      format,
      checksum: 0,
      checksumOffset: CHECKSUM_OFFSET,
      sizeOfHeaders: 1024,
      subsystem: 3,
    });
    expect(certificateEntryOffset(pe)).toBe(entryOffset(format));
    expect(pe.sections.map(({ name, rawOffset, rawBytes }) => [name, rawOffset, rawBytes])).toEqual([
      [".text", 1024, 1024],
      [".rsrc", 2048, 512],
      [".reloc", 2560, 512],
    ]);
    expect(pe.imageEnd).toBe(3072);
    expect(pe.fileBytes - pe.imageEnd).toBe(100);
    expect(certificateTablePlace(pe)).toEqual({ place: undefined, faults: [] });
    expect(layoutFaults(pe)).toEqual([]);
  },
);

test.each([
  ["PE_NOT_PE", "it does not begin with MZ", (file: Buffer) => void file.write("ZM", 0)],
  ["PE_NOT_PE", "no PE header at offset 128", (file: Buffer) => void file.write("NE", PE_OFFSET)],
  ["PE_NOT_PE", "not a multiple of 4", (file: Buffer) => void file.writeUInt32LE(0x82, 0x3c)],
  ["PE_NOT_PE", "object files have none", (file: Buffer) => void file.writeUInt16LE(0, PE_OFFSET + 20)],
  ["PE_NOT_PE", "begins with 0x107", (file: Buffer) => void file.writeUInt16LE(0x107, OPTIONAL_OFFSET)],
  ["PE_UNSUPPORTED", "beyond the first 65536 bytes", (file: Buffer) => void file.writeUInt32LE(0x7fff_fff0, 0x3c)],
  ["PE_UNSUPPORTED", "beyond the first 65536 bytes", (file: Buffer) => void file.writeUInt16LE(0xffff, PE_OFFSET + 6)],
  [
    "PE_MALFORMED",
    "declares 17 data directories",
    (file: Buffer) => void file.writeUInt32LE(17, OPTIONAL_OFFSET + 108),
  ],
  ["PE_MALFORMED", "optional header has 40 bytes", (file: Buffer) => void file.writeUInt16LE(40, PE_OFFSET + 20)],
  ["PE_MALFORMED", "SizeOfHeaders is 100", (file: Buffer) => void file.writeUInt32LE(100, OPTIONAL_OFFSET + 60)],
  ["PE_MALFORMED", "FileAlignment is 0", (file: Buffer) => void file.writeUInt32LE(0, OPTIONAL_OFFSET + 36)],
  ["PE_MALFORMED", "SectionAlignment is 4097", (file: Buffer) => void file.writeUInt32LE(4097, OPTIONAL_OFFSET + 32)],
  [
    "PE_MALFORMED",
    'section ".text" ends at',
    (file: Buffer) => void file.writeUInt32LE(0xffff_ff00, OPTIONAL_OFFSET + 240 + 16),
  ],
])("%s: %s", (code, message, damage) => {
  const file = smallPe();
  damage(file);
  expect(() => parse(file)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
});

test("a header without room for a certificate table is parsed, and refused where one is needed", () => {
  const pe = parse(smallPe({ directoryCount: 4 }));
  expect(() => certificateEntryOffset(pe)).toThrow(/4 data directories/);
  expect(certificateTablePlace(pe).place).toBeUndefined();
});

test("a section that begins inside another, or after a gap, is told", () => {
  const file = smallPe();
  const field = OPTIONAL_OFFSET + 240 + 40 + 20; // PointerToRawData of .reloc
  file.writeUInt32LE(1536, field);
  expect(layoutFaults(parse(file))).toEqual([expect.stringContaining('".reloc" begins at offset 1536, inside')]);
  const longer = Buffer.concat([file, Buffer.alloc(512)]);
  longer.writeUInt32LE(2560, field);
  expect(layoutFaults(parse(longer))).toEqual([expect.stringContaining("512 bytes after")]);
});

test("cut off at any byte: an error with a code, or the headers", () => {
  const file = smallPe({ resources: [{ type: 10, id: 1, bytes: Buffer.alloc(600) }] });
  for (let length = 0; length < file.length; length += 1) {
    expect(() => parse(file.subarray(0, length)), `${length} bytes`).toThrow(ErthError);
  }
  expect(parse(file).sections).toHaveLength(3);
});

test("any bytes in the headers: an error with a code, or numbers that lie within the file", () => {
  const file = smallPe();
  const change = fc.record({ at: fc.nat(0x230), value: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), (changes) => {
      const damaged = Buffer.from(file);
      for (const { at, value } of changes) damaged[at] = value;
      try {
        const pe = parse(damaged);
        expect(pe.imageEnd).toBeLessThanOrEqual(damaged.length);
        for (const { rawOffset, rawBytes } of pe.sections)
          expect(rawOffset + rawBytes).toBeLessThanOrEqual(damaged.length);
        const { place } = certificateTablePlace(pe);
        if (place) expect(place.offset + place.length).toBeLessThanOrEqual(damaged.length);
      } catch (cause) {
        if (!(cause instanceof ErthError)) throw cause;
        expect(cause.code).toMatch(/^PE_/);
      }
    }),
    { numRuns: 3000 },
  );
});
