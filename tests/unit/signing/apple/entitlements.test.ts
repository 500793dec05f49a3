import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ErthError } from "../../../../runtime/base/errors.ts";
import {
  encodeEntitlementsDer,
  encodeEntitlementsXml,
  type Entitlements,
  parseEntitlementsDer,
  parseEntitlementsXml,
  RUNTIME_ENTITLEMENTS,
  sameEntitlements,
} from "../../../../signing/apple/entitlements.ts";

const key = fc.string({ maxLength: 8 }).filter((text) => text !== "__proto__" && !/[\p{Cc}]/u.test(text));
const text = fc.string().filter((one) => !/[\p{Cc}]/u.test(one));
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.boolean(),
    fc.integer(),
    text,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(key, tie("value"), { maxKeys: 3 }),
  ),
}));
const entitlements = fc.dictionary(key, value, { maxKeys: 5 }) as fc.Arbitrary<Entitlements>;

test("the DER of no entitlements and of one", () => {
  expect(Buffer.from(encodeEntitlementsDer({})).toString("hex")).toBe("7005020101b000");
  expect(Buffer.from(encodeEntitlementsDer({ a: true })).toString("hex")).toBe("700d020101b00830060c01610101ff");
});

test("both forms say the same, whatever the order of the keys", () => {
  fc.assert(
    fc.property(entitlements, (given) => {
      const reversed = Object.fromEntries(Object.entries(given).reverse());
      expect(encodeEntitlementsDer(reversed)).toEqual(encodeEntitlementsDer(given));
      expect(encodeEntitlementsXml(reversed)).toEqual(encodeEntitlementsXml(given));
      const [xml, der] = [
        parseEntitlementsXml(encodeEntitlementsXml(given)),
        parseEntitlementsDer(encodeEntitlementsDer(given)),
      ];
      expect(sameEntitlements(xml, der)).toBe(true);
      expect(sameEntitlements(xml, given)).toBe(true);
      expect(sameEntitlements({ ...given, extra: true }, given)).toBe(false);
    }),
    { numRuns: 200 },
  );
});

test("keys that a reader would sort otherwise are refused", () => {
  const der = Buffer.from(encodeEntitlementsDer({ a: true, b: true }));
  der.write("c", der.indexOf("a"));
  expect(() => parseEntitlementsDer(der)).toThrow(/out of order/);
});

test("damaged DER is refused or read, never a crash", () => {
  const der = Buffer.from(encodeEntitlementsDer({ a: [1, "x", { b: false }], c: true }));
  fc.assert(
    fc.property(fc.nat(der.length - 1), fc.nat(255), fc.nat(der.length), (at, byte, length) => {
      const damaged = Buffer.from(der).subarray(0, length);
      if (at < length) damaged[at] = byte;
      try {
        parseEntitlementsDer(damaged);
      } catch (error) {
        expect(error).toBeInstanceOf(ErthError);
      }
    }),
    { numRuns: 500 },
  );
});

test("runtimes may compile code and are not debuggable", () => {
  for (const given of Object.values(RUNTIME_ENTITLEMENTS)) {
    expect(given["com.apple.security.cs.allow-jit"]).toBe(true);
    expect(Object.keys(given)).not.toContain("com.apple.security.get-task-allow");
  }
});
