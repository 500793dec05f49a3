import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ErthError } from "../../../../runtime/base/errors.ts";
import {
  bitString,
  bmpString,
  boolean,
  type DerNode,
  element,
  explicit,
  generalizedTime,
  implicit,
  integer,
  nullValue,
  octetString,
  oid,
  parseDer,
  printableString,
  sequence,
  set,
  utcTime,
  utf8String,
} from "../../../../signing/cms/der.ts";
import {
  readBoolean,
  readInteger,
  readOctets,
  readOid,
  readString,
  readTime,
} from "../../../../signing/cms/der-values.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytes = (text: string): Uint8Array => Buffer.from(text.replaceAll(" ", ""), "hex");

describe("what the standards print", () => {
  test.each([
    ["X.690 §8.19.5, {2 999 3}", oid("2.999.3"), "0603883703"],
    ["rsaEncryption", oid("1.2.840.113549.1.1.1"), "06092a864886f70d010101"],
    ["zero", integer(0), "020100"],
    ["127", integer(127), "02017f"],
    ["128 needs a sign octet", integer(128), "02020080"],
    ["256", integer(256n), "02020100"],
    ["-128", integer(-128), "020180"],
    ["-129", integer(-129), "0202ff7f"],
    ["an empty octet string", octetString(new Uint8Array()), "0400"],
    ["bits", bitString(Uint8Array.of(1, 2)), "0303000102"],
    ["true", boolean(true), "0101ff"],
    ["null", nullValue(), "0500"],
    ["text", utf8String("é"), "0c02c3a9"],
    ["printable", printableString("A b"), "1303412062"],
    ["UTF-16, big-endian", bmpString("aé"), "1e04006100e9"],
    ["UTCTime", utcTime(new Date("2026-01-02T03:04:05Z")), "170d3236303130323033303430355a"],
    ["GeneralizedTime", generalizedTime(new Date("2051-01-02T03:04:05Z")), "180f32303531303130323033303430355a"],
    ["a set, sorted", set(integer(2), integer(1), nullValue()), "31080201010201020500"],
    ["explicit", explicit(0, integer(1)), "a003020101"],
    ["implicit keeps the primitive form", implicit(0, bmpString("")), "8000"],
    ["implicit keeps the constructed form", implicit(1, set(nullValue())), "a1020500"],
    ["a long length", octetString(new Uint8Array(200)).subarray(0, 3), "0481c8"],
    ["a longer length", octetString(new Uint8Array(70_000)).subarray(0, 5), "0483011170"],
  ])("%s", (_, made, expected) => {
    expect(hex(made)).toBe(expected);
  });

  test("what does not fit a type is a bug and throws", () => {
    expect(() => printableString("ä")).toThrow(TypeError);
    expect(() => oid("3.1")).toThrow(TypeError);
    expect(() => oid("1.40")).toThrow(TypeError);
    expect(() => oid("1..2")).toThrow(TypeError);
    expect(() => explicit(31, nullValue())).toThrow(TypeError);
    expect(() => utcTime(new Date("2050-01-01T00:00:00Z"))).toThrow(TypeError);
  });
});

describe("the strict reader", () => {
  test.each([
    ["30 80 05 00 00 00", "an indefinite length"],
    ["04 81 01 00", "a short length in the long form"],
    ["04 82 00 80", "a padded length"],
    ["02 02 00 01", "a padded INTEGER"],
    ["02 02 ff ff", "a padded INTEGER"],
    ["02 00", "an empty INTEGER"],
    ["01 01 01", "a BOOLEAN that is neither"],
    ["05 01 00", "a NULL with content"],
    ["06 00", "a cut object identifier"],
    ["06 01 80", "a cut object identifier"],
    ["24 02 04 00", "a constructed primitive"],
    ["10 00", "a primitive SEQUENCE"],
    ["00 00", "an end-of-contents mark"],
    ["1f 80 01 00", "a tag number is padded"],
    ["9f 1e 00", "a small tag number has the long form"],
    ["05 00 00", "1 extra bytes"],
    ["30 03 04 05 00", "does not fit"],
    ["04 84 ff ff ff ff", "a length beyond the data"],
    ["", "the data ends too early"],
  ])("refuses %s: %s", (text, why) => {
    expect(() => parseDer(bytes(text), { what: "sample" })).toThrow(why);
  });

  test("BER is read on demand only, down to nested indefinite lengths and joined strings", () => {
    const ber = bytes("30 80 24 80 04 02 6162 04 01 63 00 00 02 02 00 01 00 00");
    expect(() => parseDer(ber)).toThrow(ErthError);
    const node = parseDer(ber, { ber: true });
    expect(Buffer.from(readOctets(node.children[0], "text")).toString()).toBe("abc");
    expect(readInteger(node.children[1], "one")).toBe(1n);
    expect(node.end).toBe(ber.length);
    expect(node.value.length).toBe(ber.length - 4);
  });

  test("depth and number of elements are bounded", () => {
    const deep = Buffer.concat([Buffer.alloc(200, bytes("30 80")), Buffer.alloc(400)]);
    expect(() => parseDer(deep, { ber: true })).toThrow("more than 48 levels");
    const many = element(0x30, Buffer.alloc(600_000, bytes("05 00")));
    expect(() => parseDer(many)).toThrow("more than 250000 elements");
  });

  test("impossible dates are no dates", () => {
    for (const text of ["20260231000000Z", "20260101000060Z", "2026010100000Z", "20260101000000", "20261301000000Z"]) {
      expect(() => readTime(parseDer(element(0x18, Buffer.from(text))), "time")).toThrow(ErthError);
    }
    expect(readTime(parseDer(element(0x18, Buffer.from("20260101000000.25Z"))), "time").getUTCMilliseconds()).toBe(250);
  });
});

describe("properties", () => {
  const leafArbitrary = fc.oneof(
    fc.bigInt().map((value) => integer(value)),
    fc.uint8Array({ maxLength: 300 }).map((value) => octetString(value)),
    fc.string({ unit: "grapheme" }).map((value) => utf8String(value)),
    fc.boolean().map((value) => boolean(value)),
    fc.constant(nullValue()),
  );
  const { tree } = fc.letrec<{ tree: Uint8Array }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leafArbitrary,
      fc.array(tie("tree"), { maxLength: 4 }).map((parts) => sequence(...parts)),
      fc.array(tie("tree"), { maxLength: 4 }).map((parts) => set(...parts)),
      fc.tuple(fc.nat(30), tie("tree")).map(([n, part]) => explicit(n, part)),
    ),
  }));
  const rebuild = (node: DerNode): Uint8Array =>
    element(node.bytes[0] ?? 0, ...(node.constructed ? node.children.map((child) => rebuild(child)) : [node.value]));

  test("what is written is read back, byte for byte, and no prefix of it is accepted", () => {
    fc.assert(
      fc.property(tree, (der) => {
        expect(hex(rebuild(parseDer(der)))).toBe(hex(der));
        for (let length = 0; length < der.length; length++) {
          expect(() => parseDer(der.subarray(0, length))).toThrow(ErthError);
        }
      }),
      { numRuns: 150 },
    );
  });

  test("values survive", () => {
    fc.assert(
      fc.property(
        fc.bigInt(),
        fc.string({ unit: "grapheme" }),
        fc.boolean(),
        fc.tuple(fc.nat(2), fc.nat(39), fc.array(fc.nat(), { maxLength: 6 })),
        fc.date({ min: new Date("1950-01-01T00:00:00Z"), max: new Date("2049-12-31T00:00:00Z"), noInvalidDate: true }),
        (number, text, truth, [a, b, rest], date) => {
          const dotted = [a, b, ...rest].join(".");
          date.setUTCMilliseconds(0);
          expect(readInteger(parseDer(integer(number)), "x")).toBe(number);
          expect(readString(parseDer(utf8String(text)), "x")).toBe(text);
          expect(readString(parseDer(bmpString(text)), "x")).toBe(text);
          expect(readBoolean(parseDer(boolean(truth)), "x")).toBe(truth);
          expect(readOid(parseDer(oid(dotted)), "x")).toBe(dotted);
          expect(readTime(parseDer(utcTime(date)), "x")).toEqual(date);
          expect(readTime(parseDer(generalizedTime(date)), "x")).toEqual(date);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("any bytes at all are an element or an error, in both modes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (noise, ber) => {
        try {
          const node = parseDer(noise, { ber, allowTrailing: true });
          expect(node.end).toBeLessThanOrEqual(noise.length);
        } catch (cause) {
          expect(cause).toBeInstanceOf(ErthError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
