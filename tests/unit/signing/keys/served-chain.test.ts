import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ErthError } from "../../../../runtime/base/errors.ts";
import { chainFrom, orderChain, parseServedChain } from "../../../../signing/keys/served-chain.ts";
import { servedChain } from "../../../fakes/azure.ts";
import { appleAuthority, windowsAuthority } from "../../../fakes/certificate-authority.ts";

const { leaf } = windowsAuthority();
const apple = appleAuthority().application;
const text = Buffer.from(servedChain(leaf.chain), "latin1");
const der = Buffer.from(text.toString("latin1"), "base64");

test("a PKCS #7 as text, as DER, and a lone certificate", () => {
  expect(parseServedChain(text)).toEqual(leaf.chain);
  expect(parseServedChain(der)).toEqual(leaf.chain);
  expect(parseServedChain(leaf.der)).toEqual([leaf.der]);
  expect(parseServedChain(Buffer.from(Buffer.from(leaf.der).toString("base64")))).toEqual([leaf.der]);
});

test("any order, duplicates and strangers", () => {
  fc.assert(
    fc.property(fc.shuffledSubarray([...leaf.chain, ...leaf.chain], { minLength: 6, maxLength: 6 }), (shuffled) => {
      expect(orderChain(shuffled)).toEqual(leaf.chain);
      expect(chainFrom(leaf.der, [...apple.chain, ...shuffled])).toEqual(leaf.chain);
    }),
    { numRuns: 20 },
  );
  expect(chainFrom(leaf.der, apple.chain)).toEqual([leaf.der]);
});

test("cut off anywhere, or empty, it is refused", () => {
  for (let length = 0; length < der.length; length += length < 200 ? 1 : 17) {
    expect(() => parseServedChain(der.subarray(0, length)), `${length} bytes`).toThrow(ErthError);
  }
  for (const empty of [servedChain([]), "", "{}", "AAAA"]) {
    expect(() => parseServedChain(Buffer.from(empty)), empty).toThrow(ErthError);
  }
});

test("noise is refused, never a crash", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
      expect(() => parseServedChain(noise)).toThrow(ErthError);
    }),
  );
  fc.assert(
    fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = Uint8Array.from(der);
      changed[at] = (changed[at] ?? 0) ^ flip;
      try {
        expect(parseServedChain(changed).length).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toBeInstanceOf(ErthError);
      }
    }),
    { numRuns: 300 },
  );
});
