import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compareHfsPlusNames, foldUnit, hfsPlusName, nameKey } from "../../../build/formats/hfs-plus-names.ts";

const units = Array.from({ length: 0x10000 }, (_, unit) => unit);

test("what it folds, JavaScript makes small too, and none of it is decomposed", () => {
  const isSmallToo = (unit: number): boolean =>
    String.fromCharCode(unit).toLowerCase() === String.fromCharCode(foldUnit(unit));
  const folded = units.filter((unit) => foldUnit(unit) !== unit && foldUnit(unit) !== 0 && unit !== 0);
  expect(folded.length).toBe(312);
  // Georgian got small letters in another block in Unicode 4.1.
  expect(folded.filter((unit) => !isSmallToo(unit)).every((unit) => unit >= 0x10a0 && unit <= 0x10c5)).toBe(true);
  for (const unit of folded) expect(hfsPlusName(String.fromCharCode(unit))).toBe(String.fromCharCode(unit));
});

test("what is folded stays so, and only directions and joiners count for nothing", () => {
  expect(units.filter((unit) => foldUnit(unit) !== 0 && foldUnit(foldUnit(unit)) !== foldUnit(unit))).toEqual([]);
  expect(foldUnit(0)).toBe(0xffff);
  const ignored = units.filter((unit) => unit !== 0 && foldUnit(unit) === 0).map((unit) => unit.toString(16));
  expect(ignored.join(" ")).toBe("200c 200d 200e 200f 202a 202b 202c 202d 202e 206a 206b 206c 206d 206e 206f feff");
});

test("names are decomposed as the kernel does it, not as today's Unicode", () => {
  expect(hfsPlusName("Éclair 2.0 — β")).toBe("E\u0301clair 2.0 — β");
  expect(hfsPlusName("ガ 각")).toBe("カ\u3099 \u1100\u1161\u11a8");
  // Several marks in canonical order; a decomposition of a decomposition.
  expect(hfsPlusName("q\u0307\u0323")).toBe("q\u0323\u0307");
  expect(hfsPlusName("ǘ")).toBe("u\u0308\u0301");
  // Excluded by Apple: Ångström and Kelvin signs, arrows, compatibility ideographs.
  for (const name of ["\u212b", "\u212a", "\u219a", "\u2260", "\uf900", "\ufa1e"]) expect(hfsPlusName(name)).toBe(name);
  // Newer than Unicode 3.2, or outside the BMP: Balinese, Kaithi, musical symbols.
  for (const name of ["\u1b06", "\u{1109a}", "\u{1d15e}", "😀"]) expect(hfsPlusName(name)).toBe(name);
  // 970 letters, and the syllables of Hangul.
  const changed = units.filter((unit) => {
    const text = String.fromCharCode(unit);
    return text !== ":" && !/[\ud800-\udfff]/.test(text) && hfsPlusName(text) !== text;
  });
  expect(changed.length).toBe(970 + 11_172);
});

test("a colon is what a slash is to macOS", () => {
  expect(hfsPlusName("a:b")).toBe("a/b");
});

test("order: case counts for nothing, length for the rest, NUL comes last", () => {
  const order = (names: readonly string[]): string => [...names].sort(compareHfsPlusNames).join(" ");
  expect(order(["b", "A", "a.b", "B2", "c"])).toBe("A a.b b B2 c");
  expect(order(["\0\0", "日本", "z", "\uffee"])).toBe("z 日本 \uffee \0\0");
  expect(compareHfsPlusNames("README", "readme")).toBe(0);
  expect(compareHfsPlusNames("a\u200db", "AB")).toBe(0);
  expect(compareHfsPlusNames("ß", "SS")).not.toBe(0);
});

test("the order is total, and equal names are those of one key", () => {
  const name = fc.string({ unit: "grapheme", maxLength: 6 }).map(hfsPlusName);
  fc.assert(
    fc.property(name, name, name, (a, b, c) => {
      expect(Math.sign(compareHfsPlusNames(a, b))).toBe(-Math.sign(compareHfsPlusNames(b, a)) + 0);
      expect(compareHfsPlusNames(a, b) === 0).toBe(nameKey(a) === nameKey(b));
      if (compareHfsPlusNames(a, b) <= 0 && compareHfsPlusNames(b, c) <= 0) {
        expect(compareHfsPlusNames(a, c)).toBeLessThanOrEqual(0);
      }
    }),
  );
});
