import * as fc from "fast-check";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  APPIMAGE_HEAD_BYTES,
  encodeAppImageHead,
  parseAppImage,
  PROGRAM_HEAD_BYTES,
  sectionText,
} from "../../../build/formats/appimage.ts";
import type { ByteSource } from "../../../build/formats/elf-strip.ts";
import { stubPath } from "../../../build/stub/targets.ts";

const UPDATES = "zsync|https://example.com/notes.AppImage.zsync";
const programs = { x64: readFileSync(stubPath("linux-x64")), arm64: readFileSync(stubPath("linux-arm64")) };

function head(program = programs.x64, updateInformation = UPDATES): Buffer {
  const request = { program: program.subarray(0, PROGRAM_HEAD_BYTES), programOffset: 1 << 16, updateInformation };
  return encodeAppImageHead(request);
}

function source(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read(offset, length) {
      if (offset < 0 || offset + length > bytes.length) throw new Error(`read ${length} at ${offset}`);
      return bytes.subarray(offset, offset + length);
    },
  };
}

/** An AppImage with nothing in its image. */
function whole(): Buffer {
  return Buffer.concat([head(), Buffer.alloc(4096)]);
}

test("a head reads back as readers of AppImages read it", () => {
  const bytes = whole();
  const { imageOffset, sections } = parseAppImage(source(bytes));
  expect(imageOffset).toBe(APPIMAGE_HEAD_BYTES);
  expect(sectionText(source(bytes), sections.get(".upd_info"))).toBe(UPDATES);
  expect(sections.get(".sha256_sig")).toEqual({ offset: 3072, bytes: 1024 });
  expect(sections.get(".sig_key")).toEqual({ offset: 4096, bytes: 8192 });
  expect(sectionText(source(bytes), sections.get(".sha256_sig"))).toBe("");
  expect(bytes.toString("latin1", 8, 11)).toBe("AI\x02");
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

test("no AppImage that was cut off before its image is read", () => {
  const bytes = whole();
  const damaged = expect.objectContaining({ code: "APPIMAGE_DAMAGED" });
  for (let length = 0; length <= APPIMAGE_HEAD_BYTES; length += 1) {
    expect(() => parseAppImage(source(bytes.subarray(0, length))), `cut at ${length}`).toThrowError(damaged);
  }
});

test("any changed head is read within the file, or refused", () => {
  fc.assert(
    fc.property(fc.nat(0x620), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const bytes = whole();
      bytes[at] = (bytes[at] ?? 0) ^ change;
      try {
        const { imageOffset, sections } = parseAppImage(source(bytes));
        expect(imageOffset).toBeLessThan(bytes.length);
        for (const { offset, bytes: length } of sections.values()) {
          expect(offset + length).toBeLessThanOrEqual(bytes.length);
        }
      } catch (error) {
        expect(error).toMatchObject({ code: "APPIMAGE_DAMAGED" });
      }
    }),
    { numRuns: 2000 },
  );
});
