import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encodeBom, type BomEntry } from "../../../build/formats/bom.ts";
import { parseBom } from "../../../build/formats/bom-reader.ts";
import { ErthError } from "../../../runtime/base/errors.ts";

const at = 315532800;
const ROOT: BomEntry = { path: ".", kind: "folder", mode: 0o040755, modifiedAt: at, bytes: 96, checksum: 0 };
const APP: BomEntry = { ...ROOT, path: "./Nötes 漢字.app" };

function file(name: string, bytes: number): BomEntry {
  return { path: `${APP.path}/${name}`, kind: "file", mode: 0o100755, modifiedAt: at, bytes, checksum: bytes % 997 };
}

const SMALL: readonly BomEntry[] = [
  ROOT,
  APP,
  file("b", 7),
  file("a", 3),
  { path: `${APP.path}/link`, kind: "link", mode: 0o120755, modifiedAt: at, bytes: 1, checksum: 4, link: "b" },
];

/** Of the root a Bom says nothing. */
const asRead = (entries: readonly BomEntry[]): readonly BomEntry[] =>
  entries.map((entry) => (entry.path === "." ? { ...entry, mode: 0, modifiedAt: 0, bytes: 0 } : entry));

test("entries come back as they were, in their order", () => {
  expect(parseBom(encodeBom(SMALL))).toEqual(asRead(SMALL));
});

test("trees of several levels, and sizes beyond 32 bits in a tree of small nodes", () => {
  const many = [
    ROOT,
    APP,
    ...Array.from({ length: 70_000 }, (_, n) => file(`f${n}`, n % 7 === 0 ? 4_294_967_296 + n : n)),
  ];
  expect(parseBom(encodeBom(many))).toEqual(asRead(many));
});

test("names are sorted in the decomposed form, as Apple's tree is searched", () => {
  const bytes = encodeBom([ROOT, { ...APP, path: "./é" }, { ...APP, path: "./f" }, { ...APP, path: "./ez" }]);
  const order = ["ez", "é", "f"].map((name) => bytes.indexOf(Buffer.from(`\0\0\0\x01${name}\0`)));
  expect(order.every((place) => place > 0)).toBe(true);
  expect(order).toEqual([...order].sort((a, b) => a - b));
});

test("an entry before its folder is a bug", () => {
  expect(() => encodeBom([ROOT, file("a", 1)])).toThrow("comes before its folder");
});

test("no cut of a Bom is taken for a whole one", () => {
  const bytes = encodeBom(SMALL);
  for (let length = 0; length < bytes.length; length += 13) {
    expect(() => parseBom(bytes.subarray(0, length))).toThrowError(expect.objectContaining({ code: "BOM_DAMAGED" }));
  }
});

test("whatever bytes are changed, it is a list or BOM_DAMAGED", () => {
  const bytes = encodeBom(SMALL);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (changes) => {
        const changed = Buffer.from(bytes);
        for (const [place, value] of changes) changed[place] = value;
        try {
          parseBom(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(ErthError);
          expect(error).toMatchObject({ code: "BOM_DAMAGED" });
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test("a leaf that follows itself, and a folder inside itself, end", () => {
  const bytes = encodeBom(SMALL);
  const leaf = bytes.indexOf(Buffer.from([0, 1, 0, SMALL.length]));
  const index = bytes.readUInt32BE(16);
  const count = bytes.readUInt32BE(index);
  const number = Array.from({ length: count }, (_, n) => n).find((n) => bytes.readUInt32BE(index + 4 + n * 8) === leaf);
  const circle = Buffer.from(bytes);
  circle.writeUInt32BE(number ?? 0, leaf + 4);
  expect(() => parseBom(circle)).toThrow("in circles");
  const place = bytes.indexOf(Buffer.from(`\0\0\0\x01Nötes`));
  const inside = Buffer.from(bytes);
  inside.writeUInt32BE(2, place);
  expect(() => parseBom(inside)).toThrow("has no root");
});
