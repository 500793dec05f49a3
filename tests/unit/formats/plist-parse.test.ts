import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parsePlist } from "../../../build/formats/plist-parse.ts";
import { renderPlist } from "../../../build/formats/plist.ts";
import { ErthError } from "../../../runtime/base/errors.ts";

const parse = (body: string) => parsePlist(Buffer.from(`<plist version="1.0">${body}</plist>`), "Info.plist");

test("every kind of value is read", () => {
  const text = `<dict>
    <key>s</key><string>a &amp; &lt;b&gt; é</string>
    <key>n</key><integer>-42</integer>
    <key>r</key><real>1000</real>
    <key>t</key><true/><key>f</key><false/>
    <key>d</key><data>
      AAEC
      /w==
    </data>
    <key>when</key><date>2026-06-01T12:00:00Z</date>
    <key>a</key><array><string></string><dict/><array/></array>
  </dict>`;
  expect(parse(text)).toEqual(
    new Map<string, unknown>([
      ["s", "a & <b> é"],
      ["n", -42],
      ["r", 1000],
      ["t", true],
      ["f", false],
      ["d", Buffer.from([0, 1, 2, 255])],
      ["when", new Date("2026-06-01T12:00:00Z")],
      ["a", ["", new Map(), []]],
    ]),
  );
});

test.each([
  ["a key twice", "<dict><key>a</key><true/><key>a</key><false/></dict>"],
  ["a value without a key", "<dict><true/></dict>"],
  ["a key without a value", "<dict><key>a</key></dict>"],
  ["a key outside a dictionary", "<array><key>a</key></array>"],
  ["two values", "<true/><false/>"],
  ["none", ""],
  ["an unknown element", "<set/>"],
  ["text between elements", "<array>x<true/></array>"],
  ["an element in a string", "<string><true/></string>"],
  ["an integer that is none", "<integer>12x</integer>"],
  ["data that is none", "<data>a===</data>"],
  ["an entity of its own", "<string>&boom;</string>"],
  ["no end", "<array><true/>"],
  ["a depth beyond reason", "<array>".repeat(100) + "</array>".repeat(100)],
])("%s is refused", (_, body) => {
  expect(() => parse(body)).toThrow(expect.objectContaining({ code: "PLIST_INVALID" }));
});

test("what is not XML is refused", () => {
  for (const bytes of [Buffer.from("bplist00"), Buffer.from([0xff, 0xfe]), Buffer.from("{}"), Buffer.from("<dict/>")]) {
    expect(() => parsePlist(bytes, "Info.plist")).toThrow(/Info\.plist/);
  }
});

test("what is written is read back", () => {
  const leaf = fc.oneof(
    fc.string({ unit: "grapheme" }).filter(isWritable),
    fc.boolean(),
    fc.maxSafeInteger().map((n) => n % 1e15),
  );
  const key = fc.string({ maxLength: 8 }).filter((text) => isWritable(text) && text !== "__proto__");
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc.array(tie("any"), { maxLength: 3 }),
      fc.dictionary(key, tie("any"), { maxKeys: 3 }),
    ),
  })).any;
  const asMaps = (one: unknown): unknown => {
    if (Array.isArray(one)) return one.map(asMaps);
    if (typeof one !== "object" || one === null) return one;
    return new Map(Object.entries(one).map(([name, member]) => [name, asMaps(member)]));
  };
  fc.assert(
    fc.property(value, (one) => {
      expect(parsePlist(Buffer.from(renderPlist(one as never)), "it")).toEqual(asMaps(one));
    }),
    { numRuns: 200 },
  );
});

/** XML cannot hold control characters, and turns carriage returns into line feeds. */
function isWritable(text: string): boolean {
  return text.isWellFormed() && !/[\p{Cc}\ufffe\uffff]/u.test(text);
}

test("damaged text is refused or read, never a crash", () => {
  const text = Buffer.from(renderPlist({ a: [1, true, { b: "c" }], d: "é" }));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(text.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (changes) => {
      const damaged = Buffer.from(text);
      for (const [at, byte] of changes) damaged[at] = byte;
      try {
        parsePlist(damaged, "it");
      } catch (error) {
        expect(error).toBeInstanceOf(ErthError);
      }
    }),
    { numRuns: 500 },
  );
});
