import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { APPIMAGE_HEAD_BYTES, encodeAppImageHead, PROGRAM_HEAD_BYTES } from "../../../build/formats/appimage.ts";
import { rangeOfBytes } from "../../../build/formats/byte-range.ts";
import { readElf } from "../../../build/formats/elf-reader.ts";
import { stubPath } from "../../../build/stub/targets.ts";

const UPDATES = "zsync|https://example.com/notes.AppImage.zsync";
const programs = { x64: readFileSync(stubPath("linux-x64")), arm64: readFileSync(stubPath("linux-arm64")) };

function head(program = programs.x64, updateInformation = UPDATES): Buffer {
  const request = { program: program.subarray(0, PROGRAM_HEAD_BYTES), programOffset: 1 << 16, updateInformation };
  return encodeAppImageHead(request);
}

/** As the runtimes reckon: the end of the section table, or of the last section in it. */
function imageOffset(bytes: Buffer): number {
  const [table, count] = [Number(bytes.readBigUInt64LE(40)), bytes.readUInt16LE(60)];
  const last = table + (count - 1) * 64;
  return Math.max(table + count * 64, Number(bytes.readBigUInt64LE(last + 24) + bytes.readBigUInt64LE(last + 32)));
}

test("a head has the sections of the AppImageSpec, and ends where the image begins", async () => {
  const bytes = Buffer.concat([head(), Buffer.alloc(3 << 20)]);
  expect(bytes.length - (3 << 20)).toBe(APPIMAGE_HEAD_BYTES);
  expect(imageOffset(bytes)).toBe(APPIMAGE_HEAD_BYTES);
  expect(bytes.toString("latin1", 8, 11)).toBe("AI\x02");
  const { machine, type, sections } = await readElf(rangeOfBytes(bytes));
  expect([machine, type]).toEqual(["x64", "program"]);
  expect(sections).toEqual([
    { name: "", offset: 0, size: 0 },
    { name: ".shstrtab", offset: 1536, size: 512 },
    { name: ".upd_info", offset: 2048, size: 1024 },
    { name: ".sha256_sig", offset: 3072, size: 1024 },
    { name: ".sig_key", offset: 4096, size: 8192 },
  ]);
  expect(bytes.toString("latin1", 2048, 2048 + UPDATES.length + 1)).toBe(`${UPDATES}\0`);
  expect(bytes.subarray(3072, APPIMAGE_HEAD_BYTES).every((byte) => byte === 0)).toBe(true);
});

test.each(["x64", "arm64"] as const)("the segments of the %s program are those in the image", (arch) => {
  const [inner, outer] = [programs[arch], head(programs[arch])];
  const count = inner.readUInt16LE(56);
  expect(outer.readUInt16LE(56)).toBe(count);
  expect(outer.readBigUInt64LE(24)).toBe(inner.readBigUInt64LE(24));
  for (let at = 64; at < 64 + count * 56; at += 56) {
    const length = inner.readBigUInt64LE(at + 32);
    expect(outer.readBigUInt64LE(at + 8)).toBe(inner.readBigUInt64LE(at + 8) + (length === 0n ? 0n : 1n << 16n));
    // What the kernel insists on: file offset and address agree modulo the page, also one of 64 KiB.
    const align = outer.readBigUInt64LE(at + 48);
    const page = align > 1n ? align : 1n;
    expect((outer.readBigUInt64LE(at + 8) - outer.readBigUInt64LE(at + 16)) % page).toBe(0n);
  }
});

test("what is no such program, or no such place for it, is a bug", () => {
  const request = { program: programs.x64.subarray(0, PROGRAM_HEAD_BYTES), programOffset: 1 << 16 };
  expect(() => encodeAppImageHead({ ...request, programOffset: 4096, updateInformation: "" })).toThrowError(
    "head fits",
  );
  const text = Buffer.alloc(PROGRAM_HEAD_BYTES, "#!/bin/sh\n");
  expect(() => encodeAppImageHead({ ...request, program: text, updateInformation: "" })).toThrowError("head fits");
  expect(() => encodeAppImageHead({ ...request, updateInformation: "x".repeat(1024) })).toThrowError("1024 bytes");
});
