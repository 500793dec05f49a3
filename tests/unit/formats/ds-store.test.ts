import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encodeBinaryPlist } from "../../../build/formats/binary-plist.ts";
import { encodeDsStore, type DsStoreRecord } from "../../../build/formats/ds-store.ts";
import { compareHfsPlusNames, hfsPlusName } from "../../../build/formats/hfs-plus-names.ts";
import { encodeTiff } from "../../../build/formats/tiff.ts";

/** Walks a `.DS_Store` the way its format is described, and checks that its blocks and free blocks are all of the space. */
function walk(file: Buffer): { readonly names: readonly string[]; readonly records: number } {
  expect(file.toString("latin1", 4, 8)).toBe("Bud1");
  const own = file.readUInt32BE(8) + 4;
  expect(file.readUInt32BE(16) + 4).toBe(own);
  const count = file.readUInt32BE(own);
  const addresses = Array.from({ length: count }, (_, at) => file.readUInt32BE(own + 8 + 4 * at));
  const place = (address: number) => ({ offset: address & ~31, bytes: 2 ** (address & 31) });
  let at = own + 8 + 4 * 256 + 4;
  expect(file.toString("latin1", at, at + 5)).toBe("\x04DSDB");
  const dsdb = place(addresses[file.readUInt32BE(at + 5)]!).offset + 4;
  at += 9;
  const taken = [{ offset: 0, bytes: 32 }, ...addresses.map(place)];
  for (let log = 0; log < 32; log += 1) {
    const free = file.readUInt32BE(at);
    at += 4;
    for (let each = 0; each < free; each += 1, at += 4) taken.push({ offset: file.readUInt32BE(at), bytes: 2 ** log });
  }
  let next = 0;
  for (const { offset, bytes } of taken.sort((a, b) => a.offset - b.offset)) {
    expect(offset).toBe(next);
    next = offset + bytes;
  }
  expect(next).toBe(2 ** 31);

  const names: string[] = [];
  const visit = (block: number): void => {
    const page = place(addresses[block]!).offset + 4;
    const rightmost = file.readUInt32BE(page);
    const members = file.readUInt32BE(page + 4);
    let from = page + 8;
    for (let member = 0; member < members; member += 1) {
      if (rightmost !== 0) {
        visit(file.readUInt32BE(from));
        from += 4;
      }
      const units = file.readUInt32BE(from);
      const name = Buffer.from(file.subarray(from + 4, from + 4 + 2 * units))
        .swap16()
        .toString("utf16le");
      from += 4 + 2 * units;
      const [id, type] = [file.toString("latin1", from, from + 4), file.toString("latin1", from + 4, from + 8)];
      from += 8 + (type === "blob" ? 4 + file.readUInt32BE(from + 8) : 4);
      expect(from).toBeLessThanOrEqual(page + 4096);
      names.push(`${name}\0${id}`);
    }
    if (rightmost !== 0) visit(rightmost);
  };
  visit(file.readUInt32BE(dsdb));
  return { names, records: file.readUInt32BE(dsdb + 8) };
}

test("every record is there once, in the Finder's order, and the allocator's books balance", () => {
  const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 });
  const bytes = fc.uint8Array({ maxLength: 600 });
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(name, bytes), { selector: ([key]) => key, maxLength: 60 }), (items) => {
      const records = items.map(([each, blob]): DsStoreRecord => ({
        name: each,
        id: "Iloc",
        value: { type: "blob", bytes: blob },
      }));
      const { names, records: counted } = walk(encodeDsStore(records));
      expect(counted).toBe(records.length);
      expect([...names].sort()).toEqual(items.map(([each]) => `${hfsPlusName(each)}\0Iloc`).sort());
      const order = names.map((each) => each.slice(0, each.lastIndexOf("\0")));
      for (let at = 1; at < order.length; at += 1)
        expect(compareHfsPlusNames(order[at - 1]!, order[at]!)).toBeLessThanOrEqual(0);
    }),
    { numRuns: 60 },
  );
});

test("a record that fits into no page is a bug of the caller", () => {
  const record: DsStoreRecord = { name: "a", id: "icvp", value: { type: "blob", bytes: new Uint8Array(4096) } };
  expect(() => encodeDsStore([record])).toThrow("4114 bytes");
});

test("a binary property list: text of both kinds, numbers of both kinds, long data", () => {
  const bytes = encodeBinaryPlist({ a: true, ü: "日", n: 3n, r: 0.5, d: Buffer.alloc(20, 1) });
  expect(bytes.toString("latin1", 0, 8)).toBe("bplist00");
  expect(bytes.toString("hex")).toBe(
    [
      "62706c6973743030",
      "d5010203040506070809 0a", // a dictionary of five: keys, then values
      "5161 6100fc 516e 5172 5164",
      "09 6165e5 130000000000000003 233fe0000000000000",
      `4f130000000000000014 ${"01".repeat(20)}`,
      "00000008 00000013 00000015 00000018 0000001a 0000001c 0000001e 0000001f 00000022 0000002b 00000034",
      "000000000000 04 01 000000000000000b 0000000000000000 0000000000000052",
    ]
      .join("")
      .replaceAll(" ", ""),
  );
});

test("a TIFF: two pages, each with its density, transparency over white", () => {
  const page = (width: number, dotsPerInch: number) => ({
    width,
    height: 1,
    dotsPerInch,
    rgba: Buffer.alloc(4 * width, 0x80),
  });
  const tiff = encodeTiff([page(1, 72), page(2, 144)]);
  expect(tiff.toString("latin1", 0, 4)).toBe("II*\0");
  const read = (directory: number) => {
    const fields = new Map<number, number>();
    const count = tiff.readUInt16LE(directory);
    for (let at = 0; at < count; at += 1)
      fields.set(tiff.readUInt16LE(directory + 2 + 12 * at), tiff.readUInt32LE(directory + 10 + 12 * at));
    const pixels = tiff.subarray(fields.get(273), fields.get(273)! + fields.get(279)!);
    return {
      width: fields.get(256),
      dpi: tiff.readUInt32LE(fields.get(282)),
      pixels: pixels.toString("hex"),
      next: tiff.readUInt32LE(directory + 2 + 12 * count),
    };
  };
  const first = read(tiff.readUInt32LE(4));
  expect(first).toMatchObject({ width: 1, dpi: 72, pixels: "bfbfbf" });
  expect(read(first.next)).toMatchObject({ width: 2, dpi: 144, pixels: "bfbfbfbfbfbf", next: 0 });
});
