import { createHash, generateKeyPairSync, sign, verify } from "node:crypto";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ecdsaDer } from "../../../../signing/keys/ecdsa.ts";

test.each([
  ["P-256", 256],
  ["P-384", 384],
] as const)("OpenSSL accepts the DER of r and s on %s", (namedCurve, bits) => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve });
  for (let index = 0; index < 40; index += 1) {
    const message = createHash("sha256").update(String(index)).digest();
    const raw = sign("sha256", message, { key: privateKey, dsaEncoding: "ieee-p1363" });
    expect(verify("sha256", message, publicKey, ecdsaDer(raw, bits, "key"))).toBe(true);
  }
});

test("small and large numbers are written as DER wants them", () => {
  const raw = (r: number[], s: number[]) =>
    Uint8Array.from([...Array(32 - r.length).fill(0), ...r, ...Array(32 - s.length).fill(0), ...s]);
  expect(Buffer.from(ecdsaDer(raw([1], [0x80]), 256, "key")).toString("hex")).toBe("300702010102020080");
});

test("any other length is refused", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 140 }).filter(({ length }) => length !== 64),
      (raw) => {
        expect(() => ecdsaDer(raw, 256, "key")).toThrow(expect.objectContaining({ code: "KEY_ANSWER" }));
      },
    ),
  );
});
