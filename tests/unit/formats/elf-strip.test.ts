import * as fc from "fast-check";
import { expect, test } from "vitest";
import { planElfStrip, type ByteSource } from "../../../build/formats/elf-strip.ts";
import { ErthError } from "../../../runtime/base/errors.ts";

interface Section {
  readonly name: string;
  readonly isLoaded: boolean;
  readonly bytes: Uint8Array;
  readonly link?: number;
}

/** A little ELF: one segment over the loaded sections, then the others, the names, the table. */
function elf(sections: readonly Section[], machine = 62): Uint8Array {
  const all: readonly Section[] = [...sections, { name: ".shstrtab", isLoaded: false, bytes: new Uint8Array(0) }];
  const names = Buffer.from(`\0${all.map(({ name }) => `${name}\0`).join("")}`);
  const ordered = [...all.filter((one) => one.isLoaded), ...all.filter((one) => !one.isLoaded)];
  const offsets = new Map<Section, number>();
  let end = 64 + 56;
  for (const section of ordered) {
    offsets.set(section, end);
    end += section === all.at(-1) ? names.length : section.bytes.length;
  }
  const loadedEnd = 120 + all.filter((one) => one.isLoaded).reduce((sum, { bytes }) => sum + bytes.length, 0);
  const file = Buffer.alloc(end + (all.length + 1) * 64);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(file);
  file.writeUInt16LE(3, 0x10);
  file.writeUInt16LE(machine, 0x12);
  file.writeBigUInt64LE(64n, 0x20);
  file.writeBigUInt64LE(BigInt(end), 0x28);
  file.writeUInt16LE(64, 0x34);
  file.writeUInt16LE(56, 0x36);
  file.writeUInt16LE(1, 0x38);
  file.writeUInt16LE(64, 0x3a);
  file.writeUInt16LE(all.length + 1, 0x3c);
  file.writeUInt16LE(all.length, 0x3e);
  file.writeUInt32LE(1, 64);
  file.writeBigUInt64LE(BigInt(loadedEnd), 64 + 0x20);
  for (const [index, section] of all.entries()) {
    const bytes = section === all.at(-1) ? names : section.bytes;
    file.set(bytes, offsets.get(section));
    const at = end + (index + 1) * 64;
    file.writeUInt32LE(names.indexOf(`\0${section.name}\0`) + 1, at);
    file.writeUInt32LE(1, at + 4);
    file.writeBigUInt64LE(section.isLoaded ? 2n : 0n, at + 8);
    file.writeBigUInt64LE(BigInt(offsets.get(section)!), at + 0x18);
    file.writeBigUInt64LE(BigInt(bytes.length), at + 0x20);
    file.writeUInt32LE(section.link ?? 0, at + 0x28);
  }
  return file;
}

const source = (bytes: Uint8Array): ByteSource => ({
  size: bytes.length,
  read: (offset, length) => bytes.subarray(offset, offset + length),
});

function strip(bytes: Uint8Array): Uint8Array {
  const { header, keepBytes, tail } = planElfStrip(source(bytes));
  const file = new Uint8Array(keepBytes + tail.length);
  file.set(bytes.subarray(0, keepBytes));
  file.set(header);
  file.set(tail, keepBytes);
  return file;
}

/** Section names of an ELF, "" for a null one. */
function sectionNames(bytes: Uint8Array): readonly string[] {
  const file = Buffer.from(bytes);
  const table = Number(file.readBigUInt64LE(0x28));
  const at = (index: number): number => table + index * 64;
  const names = Number(file.readBigUInt64LE(at(file.readUInt16LE(0x3e)) + 0x18));
  return Array.from({ length: file.readUInt16LE(0x3c) }, (_, index) => {
    const start = names + file.readUInt32LE(at(index));
    return file.toString("latin1", start, file.indexOf(0, start));
  });
}

const text = { name: ".text", isLoaded: true, bytes: Buffer.from("code") };
const data = { name: ".data", isLoaded: true, bytes: Buffer.from("data!") };
const symbols = { name: ".symtab", isLoaded: false, bytes: Buffer.alloc(96, 7) };
const debug = { name: ".debug_info", isLoaded: false, bytes: Buffer.alloc(1000, 9) };

test("symbols and debug information go, loaded bytes stay where they are", () => {
  const before = elf([text, data, symbols, debug]);
  const after = strip(before);
  expect(sectionNames(after)).toEqual(["", ".text", ".data", ".shstrtab"]);
  expect(after.subarray(64, 129)).toEqual(Uint8Array.from(before.subarray(64, 129)));
  expect(after.length).toBeLessThan(before.length - 1000);
});

test("a dropped section between kept ones leaves its number free, and links to it go", () => {
  const after = Buffer.from(strip(elf([text, debug, { ...data, link: 2 }, symbols])));
  expect(sectionNames(after)).toEqual(["", ".text", "", ".data", ".shstrtab"]);
  const table = Number(after.readBigUInt64LE(0x28));
  expect(after.readUInt32LE(table + 2 * 64 + 4)).toBe(0);
  expect(after.readUInt32LE(table + 3 * 64 + 0x28)).toBe(0);
});

test("a link between kept sections survives", () => {
  const after = Buffer.from(strip(elf([text, { ...data, link: 1 }, debug])));
  expect(after.readUInt32LE(Number(after.readBigUInt64LE(0x28)) + 2 * 64 + 0x28)).toBe(1);
});

test("both machines are taken, all others and other kinds of file refused", () => {
  expect(() => strip(elf([text], 183))).not.toThrow();
  expect(() => strip(elf([text], 40))).toThrow(expect.objectContaining({ code: "ELF_UNSUPPORTED" }));
  const relocatable = Buffer.from(elf([text]));
  relocatable.writeUInt16LE(1, 0x10);
  expect(() => strip(relocatable)).toThrow(expect.objectContaining({ code: "ELF_UNSUPPORTED" }));
  expect(() => strip(Buffer.alloc(200, "MZ"))).toThrow(expect.objectContaining({ code: "ELF_UNSUPPORTED" }));
});

test("bytes after the last section are not lost in silence", () => {
  expect(() => strip(Buffer.concat([elf([text]), Buffer.from("payload")]))).toThrow(
    expect.objectContaining({ code: "ELF_UNSUPPORTED", message: expect.stringContaining("7 bytes follow") }),
  );
});

const anySections = fc.array(
  fc.record({
    name: fc.stringMatching(/^\.[a-z]{1,8}$/),
    isLoaded: fc.boolean(),
    bytes: fc.uint8Array({ maxLength: 40 }),
    link: fc.nat(8),
  }),
  { maxLength: 6 },
);

test("stripping keeps exactly the loaded sections' bytes, and stripping twice changes nothing", () => {
  fc.assert(
    fc.property(anySections, (sections) => {
      const before = elf(sections);
      const once = strip(before);
      const loaded = sections.filter((one) => one.isLoaded).map(({ name }) => name);
      expect(sectionNames(once).filter((name) => name !== "")).toEqual([...loaded, ".shstrtab"]);
      const end = 120 + sections.filter((one) => one.isLoaded).reduce((sum, { bytes }) => sum + bytes.length, 0);
      expect(once.subarray(64, end)).toEqual(Uint8Array.from(before.subarray(64, end)));
      expect(strip(once)).toEqual(once);
    }),
  );
});

test("a file cut short at any byte is refused with a code", () => {
  const whole = elf([text, data, symbols]);
  for (let length = 0; length < whole.length; length++) {
    expect(() => strip(whole.subarray(0, length)), `${length} bytes`).toThrow(ErthError);
  }
});

test("damaged headers give an error with a code or a plan within the file, never a crash", () => {
  const whole = elf([text, data, symbols, debug]);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (changes) => {
        const damaged = Uint8Array.from(whole);
        for (const [at, value] of changes) damaged[at] = value;
        try {
          expect(planElfStrip(source(damaged)).keepBytes).toBeLessThanOrEqual(damaged.length);
        } catch (error) {
          expect(error).toBeInstanceOf(ErthError);
        }
      },
    ),
    { numRuns: 500 },
  );
});
