import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encodeIcns, ICNS_SIZES } from "../../../build/formats/icns.ts";
import type { Picture } from "../../../build/formats/picture.ts";
import { readIcns, unpackArgb } from "./icon-readers.ts";

const pictureOf = (size: number, rgba = new Uint8Array(size * size * 4)): Picture => ({
  size,
  png: Buffer.from(`png ${size}`),
  rgba,
});

test("a full container has every type that macOS asks for", () => {
  const entries = readIcns(Buffer.from(encodeIcns(ICNS_SIZES.map((size) => pictureOf(size)))));
  const pngs = entries
    .filter(({ type }) => !["ic04", "ic05"].includes(type))
    .map(({ type, body }) => [type, body.toString()]);
  expect(Object.fromEntries(pngs)).toEqual({
    ic07: "png 128",
    ic08: "png 256",
    ic09: "png 512",
    ic10: "png 1024",
    ic11: "png 32",
    ic12: "png 64",
    ic13: "png 256",
    ic14: "png 512",
  });
  expect(entries).toHaveLength(10);
});

test("a size that is missing is left out", () => {
  const entries = readIcns(Buffer.from(encodeIcns([pictureOf(128), pictureOf(256)])));
  expect(entries.map(({ type }) => type)).toEqual(["ic07", "ic13", "ic08"]);
});

test("small pictures unpack to their planes, whatever the runs", () => {
  const runs = fc.array(fc.tuple(fc.nat(255), fc.integer({ min: 1, max: 300 })), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(runs, (lengths) => {
      const noise = lengths.flatMap(([byte, count]) => Array.from({ length: count }, () => byte));
      const rgba = Uint8Array.from({ length: 16 * 16 * 4 }, (_, at) => noise[at % noise.length] ?? 0);
      const [entry] = readIcns(Buffer.from(encodeIcns([pictureOf(16, rgba)])));
      const plane = (channel: number) => rgba.filter((_, at) => at % 4 === channel);
      expect(unpackArgb(entry!.body)).toEqual(Buffer.concat([3, 0, 1, 2].map(plane)));
    }),
  );
});
