import { readFileSync } from "node:fs";
import { crc32, deflateSync } from "node:zlib";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { readPng } from "../../../build/formats/png.ts";

const fixture = (name: string): Buffer => readFileSync(new URL(`../../fixtures/icons/${name}`, import.meta.url));
const tiny = fixture("tiny.png");

function chunk(type: string, body: Uint8Array): Buffer {
  const typed = Buffer.concat([Buffer.from(type, "latin1"), body]);
  const [length, crc] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(body.length);
  crc.writeUInt32BE(crc32(typed));
  return Buffer.concat([length, typed, crc]);
}

interface Parts {
  readonly header?: readonly number[];
  readonly pixels?: Uint8Array;
  readonly between?: readonly Buffer[];
}

/** A 2 x 2 grey PNG, made by hand, with one part changed. */
function png({
  header = [0, 0, 0, 2, 0, 0, 0, 2, 8, 0, 0, 0, 0],
  pixels = Uint8Array.of(0, 1, 2, 0, 3, 4),
  between = [],
}: Parts): Buffer {
  return Buffer.concat([
    tiny.subarray(0, 8),
    chunk("IHDR", Uint8Array.from(header)),
    ...between,
    chunk("IDAT", deflateSync(pixels)),
    chunk("IEND", new Uint8Array()),
  ]);
}

test.each(["rgba8.png", "rgba8-interlaced.png", "rgba16.png", "palette.png", "gray8.png", "rgb8.png"])(
  "%s is whole",
  (name) => {
    expect(readPng(fixture(name), 4096)).toEqual({ ok: true, width: 512, height: 512 });
  },
);

test("bytes behind the end do not matter", () => {
  expect(readPng(Buffer.concat([tiny, Buffer.alloc(100, 7)]), 4096)).toMatchObject({ ok: true, width: 16 });
});

test("cut off anywhere, it is refused with a reason", () => {
  for (let length = 0; length < tiny.length; length++) {
    const reading = readPng(tiny.subarray(0, length), 4096);
    expect(reading, `${length} of ${tiny.length} bytes`).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/^(is|has|ends) /),
    });
  }
});

test("a changed byte anywhere is found", () => {
  for (let at = 0; at < tiny.length; at++) {
    const changed = Buffer.from(tiny);
    changed[at] = (changed[at] ?? 0) ^ 0x10;
    expect(readPng(changed, 4096).ok, `byte ${at}`).toBe(false);
  }
});

test.each<[string, Parts, RegExp]>([
  ["an unknown colour type", { header: [0, 0, 0, 2, 0, 0, 0, 2, 8, 5, 0, 0, 0] }, /broken IHDR/],
  ["a depth that its colour type has not", { header: [0, 0, 0, 2, 0, 0, 0, 2, 4, 2, 0, 0, 0] }, /broken IHDR/],
  ["no width", { header: [0, 0, 0, 0, 0, 0, 0, 2, 8, 0, 0, 0, 0] }, /broken IHDR/],
  ["a short header", { header: [0, 0, 0, 2] }, /broken IHDR/],
  ["an unknown interlacing", { header: [0, 0, 0, 2, 0, 0, 0, 2, 8, 0, 0, 0, 2] }, /broken IHDR/],
  [
    "huge sides, refused before they are decompressed",
    { header: [255, 255, 255, 255, 255, 255, 255, 255, 8, 0, 0, 0, 0] },
    /more than 4096 pixels a side/,
  ],
  ["a row too few", { pixels: Uint8Array.of(0, 1, 2) }, /holds 3 bytes of picture instead of 6/],
  ["a picture that goes on", { pixels: new Uint8Array(1_000_000) }, /cannot be decompressed/],
  ["an unknown filter", { pixels: Uint8Array.of(9, 1, 2, 0, 3, 4) }, /unknown filter/],
  ["no palette", { header: [0, 0, 0, 2, 0, 0, 0, 2, 8, 3, 0, 0, 0] }, /has no palette/],
  ["a broken palette", { between: [chunk("PLTE", Uint8Array.of(1, 2))] }, /broken palette/],
  ["an unknown critical chunk", { between: [chunk("QQQQ", new Uint8Array())] }, /unknown critical chunk "QQQQ"/],
])("%s is refused", (_, parts, reason) => {
  expect(readPng(png(parts), 4096)).toEqual({ ok: false, reason: expect.stringMatching(reason) });
});

test("what may be skipped is skipped", () => {
  expect(readPng(png({ between: [chunk("teXt", Uint8Array.of(1))] }), 4096).ok).toBe(true);
});

test("any bytes are answered", () => {
  const start = fc.constantFrom(Buffer.alloc(0), tiny.subarray(0, 8), tiny.subarray(0, 33));
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 200 }), (head, tail) => {
      expect(readPng(Buffer.concat([head, tail]), 4096).ok).toBe(false);
    }),
  );
});
