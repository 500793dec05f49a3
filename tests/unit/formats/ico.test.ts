import { expect, test } from "vitest";
import { encodeIco } from "../../../build/formats/ico.ts";
import { readIco } from "./icon-readers.ts";

test("256 pixels are a PNG, smaller sizes bitmaps from the bottom up with a mask", () => {
  // Top row: red, transparent; bottom row: blue, half-transparent green.
  const rgba = Uint8Array.of(255, 0, 0, 255, 9, 9, 9, 0, 0, 0, 255, 255, 0, 255, 0, 128);
  const png = Buffer.from("a png");
  const [small, large] = readIco(
    Buffer.from(
      encodeIco([
        { size: 2, png, rgba },
        { size: 256, png, rgba },
      ]),
    ),
  );
  expect(large).toEqual({ width: 256, height: 256, bitsPerPixel: 32, body: png });
  expect(small).toMatchObject({ width: 2, height: 2, bitsPerPixel: 32 });
  const body = small!.body;
  expect([body.readUInt32LE(0), body.readInt32LE(4), body.readInt32LE(8), body.readUInt16LE(14)]).toEqual([
    40, 2, 4, 32,
  ]);
  expect(body.subarray(40, 56)).toEqual(Buffer.from([255, 0, 0, 255, 0, 255, 0, 128, 0, 0, 255, 255, 9, 9, 9, 0]));
  expect(body.subarray(56)).toEqual(Buffer.from([0, 0, 0, 0, 0b0100_0000, 0, 0, 0]));
});

test("a picture that does not fit is a bug", () => {
  expect(() => encodeIco([{ size: 257, png: Buffer.alloc(0), rgba: Buffer.alloc(257 * 257 * 4) }])).toThrow(
    "257 pixels",
  );
});
