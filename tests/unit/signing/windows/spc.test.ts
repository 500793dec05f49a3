import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseDer } from "../../../../signing/cms/der.ts";
import {
  encodePeIndirectData,
  encodeOpusInfo,
  encodeStatementType,
  parseIndirectData,
  parseOpusInfo,
  spcOids,
} from "../../../../signing/windows/spc.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("indirect data is what Windows' own tools write, byte for byte", () => {
  const digest = Buffer.alloc(32, 0xab);
  const encoded = encodePeIndirectData(digest);
  expect(hex(encoded)).toBe(
    `304c3017060a2b06010401823702010f3009030100a004a20280003031300d060960864801650304020105000420${hex(digest)}`,
  );
  expect(parseIndirectData(encoded)).toMatchObject({
    dataOid: spcOids.peImageData,
    digestOid: "2.16.840.1.101.3.4.2.1",
    digest: new Uint8Array(digest),
  });
});

test("opus info: any name and link come back; neither is an empty sequence", () => {
  expect(hex(encodeOpusInfo({}))).toBe("3000");
  expect(hex(encodeOpusInfo({ description: "A", url: "http://b" }))).toBe("3012a00480020041a10a8008687474703a2f2f62");
  const text = fc.string({ unit: "binary", minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(text, fc.webUrl(), (description, url) => {
      const ascii = encodeURI(url);
      expect(parseOpusInfo(encodeOpusInfo({ description, url: ascii }))).toEqual({ description, url: ascii });
    }),
  );
});

test("the old form of a name, one byte a character, is read too", () => {
  expect(parseOpusInfo(Buffer.from("3006a0048102416200".slice(0, 16), "hex"))).toEqual({ description: "Ab" });
});

test("statement type names individual code signing", () => {
  expect(hex(encodeStatementType())).toBe("300c060a2b060104018237020115");
});

test("any bytes are an error with a code, or a digest", () => {
  const valid = encodePeIndirectData(Buffer.alloc(32, 1));
  fc.assert(
    fc.property(fc.nat(valid.length - 1), fc.nat(255), (at, value) => {
      const damaged = Uint8Array.from(valid);
      damaged[at] = value;
      try {
        expect(parseIndirectData(damaged).digest.length).toBeLessThanOrEqual(damaged.length);
      } catch (cause) {
        expect(cause).toMatchObject({ code: "DER_INVALID" });
      }
    }),
    { numRuns: 500 },
  );
  for (let length = 0; length < valid.length; length += 1) {
    expect(() => parseIndirectData(valid.subarray(0, length))).toThrow(
      expect.objectContaining({ code: "DER_INVALID" }),
    );
  }
  expect(parseDer(valid).end).toBe(valid.length);
});
