import { expect, test } from "vitest";
import { layoutAr } from "../../../build/formats/ar.ts";
import { readAr } from "../../../build/formats/ar-reader.ts";
import { rangeOfBytes } from "../../../build/formats/byte-range.ts";
import { readExtents } from "../../../build/formats/extent.ts";

const TIME = new Date("2000-01-01T00:00:00Z");

test("members read back, at even offsets", async () => {
  const members = [
    ["debian-binary", "2.0\n"],
    ["odd", "123"],
    ["last", "x"],
  ] as const;
  const extents = layoutAr(
    members.map(([name, text]) => ({ name, content: [{ bytes: Buffer.from(text) }] })),
    TIME,
  );
  const bytes = Buffer.concat(await Array.fromAsync(readExtents(extents)));
  expect(bytes.subarray(8, 68).toString()).toBe("debian-binary   946684800   0     0     100644  4         `\n");
  expect(await readAr(rangeOfBytes(bytes))).toEqual([
    { name: "debian-binary", offset: 68, size: 4 },
    { name: "odd", offset: 132, size: 3 },
    { name: "last", offset: 196, size: 1 },
  ]);
});

test("a member that ten digits cannot count is a bug of the caller", () => {
  const content = [{ file: "", offset: 0, length: 10 ** 10 }];
  expect(() => layoutAr([{ name: "data", content }], TIME)).toThrow("data has 10000000000 bytes");
});
