import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ErthError } from "../../../../runtime/base/errors.ts";
import { decodeKeyContent, type KeyContent } from "../../../../signing/keys/key-text.ts";
import { windowsAuthority } from "../../../fakes/certificate-authority.ts";

const p12 = readFileSync(join(import.meta.dirname, "../../../fixtures/signing/modern.p12"));
const base64 = p12.toString("base64");
const { leaf, p256 } = windowsAuthority();
const pem = leaf.keyPem + leaf.certificatePem;

const decode = (value: string | Uint8Array): KeyContent =>
  decodeKeyContent({ name: "variable KEY", bytes: typeof value === "string" ? Buffer.from(value) : value });
/** The digits and blanks of a PEM block on one line, as a shell without quotes leaves them. */
const onOneLine = (text: string): string => text.trim().replaceAll("\n", " ");

describe("PKCS #12 is read from", () => {
  test.each<[string, string | Uint8Array, RegExp | undefined]>([
    ["the file itself", p12, undefined],
    ["base64", base64, undefined],
    ["base64 in lines of 76", base64.replaceAll(/.{76}/g, "$&\n"), undefined],
    ["base64 in Windows lines, and one more at the end", `${base64.replaceAll(/.{64}/g, "$&\r\n")}\r\n`, undefined],
    ["base64 with blanks", base64.replaceAll(/.{64}/g, "$&  "), /blanks inside/],
    ["base64 in quotes", `"${base64}"`, /in quotes/],
    ["base64 in single quotes with a line end", `'${base64}\n'\n`, /in quotes/],
    ["base64 without padding", base64.replaceAll("=", ""), base64.endsWith("=") ? /padding/ : undefined],
    ["the URL-safe alphabet", p12.toString("base64url"), /URL-safe/],
    ["base64 whose plus signs became blanks", base64.replaceAll("+", " "), /plus signs/],
    ["percent-encoded base64", encodeURIComponent(base64), /percent-encoded/],
    ["a data: URL", `data:application/x-pkcs12;base64,${base64}`, /data: URL/],
    ["base64 with literal \\n", base64.replaceAll(/.{64}/g, "$&\\n"), /literal \\n/],
    ["base64 of base64", Buffer.from(base64).toString("base64"), /base64 of base64/],
    ["base64 of base64 with lines", Buffer.from(`${base64}\n`).toString("base64"), /base64 of base64/],
    ["base64 with a byte-order mark", `\uFEFF${base64}`, /byte-order mark/],
    ["base64 as UTF-16", Buffer.from(`\uFEFF${base64}`, "utf16le"), /UTF-16/],
    ["a file with a line end after it", Buffer.concat([p12, Buffer.from("\r\n")]), /blank bytes/],
  ])("%s", (_, value, warning) => {
    const content = decode(value);
    expect(content.kind === "der" && Buffer.from(content.der).equals(p12)).toBe(true);
    expect(content.warnings.join()).toMatch(warning ?? /^$/);
    expect(content.warnings.length).toBeLessThanOrEqual(2);
  });
});

describe("PEM is read from", () => {
  test.each<[string, string | Uint8Array, RegExp | undefined]>([
    ["its text", pem, undefined],
    ["Windows lines", pem.replaceAll("\n", "\r\n"), undefined],
    ["old Mac lines", pem.replaceAll("\n", "\r"), undefined],
    ["base64", Buffer.from(pem).toString("base64"), undefined],
    ["one line with blanks", onOneLine(pem), /on one line/],
    ["one line without blanks", pem.replaceAll("\n", ""), /on one line/],
    ["one line with literal \\n", pem.trim().replaceAll("\n", "\\n"), /literal \\n/],
    ["JSON's quotes and literal \\n", JSON.stringify(pem), /quotes/],
    ["literal \\r\\n", pem.trim().replaceAll("\n", "\\r\\n"), /literal \\n/],
    ["UTF-16", Buffer.from(`\uFEFF${pem}`, "utf16le"), /UTF-16/],
    ["text around it, as openssl prints it", `Bag Attributes\n  friendlyName: ä\n${pem}\n# end\n`, undefined],
    ["indented lines", pem.replaceAll("\n", "\n    "), undefined],
    ["base64 of base64", Buffer.from(Buffer.from(pem).toString("base64")).toString("base64"), /base64 of base64/],
  ])("%s", (_, value, warning) => {
    const content = decode(value);
    expect(content.kind === "pem" && content.blocks.map(({ text }) => text).join("")).toBe(pem);
    expect(content.warnings.join()).toMatch(warning ?? /^$/);
  });
});

describe("damage is named", () => {
  test.each<[string, string | Uint8Array, RegExp]>([
    ["cut base64", base64.slice(0, 1000), /cut short: it announces \d+ bytes, 750 came/],
    ["a cut file", p12.subarray(0, 500), /cut short/],
    ["a lost digit", base64.slice(0, 401), /one too many or too few/],
    ["cut PEM", pem.slice(0, 700), /END line of "PRIVATE KEY" is missing/],
    ["PEM with lost lines", pem.split("\n").toSpliced(5, 3).join("\n"), /"PRIVATE KEY" block is cut short/],
    ["two files in one", base64 + base64, /bytes follow its end|padding in the middle/],
    ["a stray character", `${base64.slice(0, 99)}*${base64.slice(100)}`, /"\*" at character 100/],
    ["a binary file read as text", p12.toString("utf8"), /binary file that something read as text/],
    ["base64 of a binary file read as text", Buffer.from(p12.toString("utf8")).toString("base64"), /read as text/],
    ["a binary file with Windows lines", withWindowsLines(p12), /follow its end|inner structure|cut short/],
    ["typographic dashes", pem.replaceAll("-----", "–––––"), /typographic/],
    ["a dash too few", pem.replaceAll("-----", "----"), /lacks some of the dashes/],
    ["nothing", "", /is empty/],
    ["blanks", " \n", /is empty/],
    ["the CI's mask", "***", /the mask/],
    ["a variable's name", "${{ secrets.KEY }}", /name of a variable/],
    ["a shell variable", "$KEY", /name of a variable/],
    ["a Windows variable", "%KEY%", /name of a variable/],
    ["undefined", "undefined", /the word "undefined"/],
    ["a URL", "https://example.com/key.p12", /a URL/],
    ["a path", "/home/me/key.p12", /a path/],
    ["base64 of something else", Buffer.from([1, 2, 3, 250, 9]).toString("base64"), /neither a key nor PEM/],
    ["an HTML page", "<!doctype html><p>Sign in", /"<" at character 1|alphabet/],
  ])("%s", (_, value, message) => {
    const error = failure(value);
    expect(error).toMatchObject({ code: "KEY_DAMAGED", message: expect.stringMatching(message) });
    expect(error.remedy).toMatch(/erth doctor signing$/);
    expect(error.message).toContain("variable KEY");
    // Nothing of the key itself, not even a few digits of it.
    const shown = JSON.stringify(error) + error.message + String(error.stack);
    expect(shown).not.toContain(base64.slice(20, 32));
    expect(shown).not.toContain(leaf.keyPem.slice(40, 52));
  });

  test("no cut of a good value is taken for a key, and no noise crashes", () => {
    for (let length = 0; length < base64.length; length += 7)
      expect(() => decode(base64.slice(0, length))).toThrow(ErthError);
    for (let length = 0; length < p256.keyPem.length - 2; length += 2) {
      expect(() => decode(p256.keyPem.slice(0, length))).toThrow(ErthError);
    }
    const noise = fc.oneof(
      fc.string(),
      fc.string({ unit: "binary" }),
      fc.tuple(fc.nat(base64.length), fc.string()).map(([at, text]) => base64.slice(0, at) + text + base64.slice(at)),
      fc.tuple(fc.nat(pem.length), fc.string()).map(([at, text]) => pem.slice(0, at) + text + pem.slice(at)),
    );
    fc.assert(
      fc.property(noise, (text) => {
        try {
          decode(text);
        } catch (cause) {
          expect(cause).toBeInstanceOf(ErthError);
        }
      }),
      { numRuns: 800 },
    );
  });
});

function failure(value: string | Uint8Array): ErthError {
  try {
    decode(value);
  } catch (cause) {
    if (cause instanceof ErthError) return cause;
    throw cause;
  }
  throw new Error("it was accepted");
}

/** What a checkout with `autocrlf` does to a binary file. */
function withWindowsLines(bytes: Uint8Array): Uint8Array {
  return Buffer.from([...bytes].flatMap((byte) => (byte === 10 ? [13, 10] : [byte])));
}
