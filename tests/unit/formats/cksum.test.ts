import * as fc from "fast-check";
import { expect, test } from "vitest";
import { cksum, cksumOf } from "../../../build/formats/cksum.ts";

test("what cksum prints", () => {
  expect(cksumOf(new Uint8Array())).toBe(4294967295);
  expect(cksumOf(Buffer.from("123456789"))).toBe(930766865);
  expect(cksumOf(Buffer.alloc(70_000, "abc"))).toBe(1458884849);
});

test("it does not matter how the bytes come", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }), (parts) => {
      const sum = cksum();
      for (const part of parts) sum.update(part);
      expect(sum.value()).toBe(cksumOf(Buffer.concat(parts)));
    }),
  );
});
