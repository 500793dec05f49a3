import { expect, test } from "vitest";
import { decryptBlock, decryptRc2Cbc, expandKey } from "../../../../signing/keys/rc2.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text, "hex");

test.each([
  ["0000000000000000", 63, "0000000000000000", "ebb773f993278eff"],
  ["ffffffffffffffff", 64, "ffffffffffffffff", "278b27e42e2f0d49"],
  ["3000000000000000", 64, "1000000000000001", "30649edf9be7d2c2"],
  ["88", 64, "0000000000000000", "61a8a244adacccf0"],
  ["88bca90e90875a", 64, "0000000000000000", "6ccf4308974c267f"],
  ["88bca90e90875a7f0f79c384627bafb2", 64, "0000000000000000", "1a807d272bbe5db1"],
  ["88bca90e90875a7f0f79c384627bafb2", 128, "0000000000000000", "2269552ab0f85ca6"],
  ["88bca90e90875a7f0f79c384627bafb216f80a6f85920584c42fceb0be255daf1e", 129, "0000000000000000", "5b78d3a43dfff1f1"],
])("RFC 2268 §5: key %s, %i bits", (key, bits, plain, cipher) => {
  expect(Buffer.from(decryptBlock(expandKey(bytes(key), bits), bytes(cipher))).toString("hex")).toBe(plain);
});

test("what is no whole number of blocks, or has no padding, is refused", () => {
  const key = bytes("88bca90e90875a7f0f79c384627bafb2");
  expect(decryptRc2Cbc(key, new Uint8Array(8), new Uint8Array(9))).toBeUndefined();
  expect(decryptRc2Cbc(key, new Uint8Array(8), new Uint8Array())).toBeUndefined();
  // Decrypts to zeros: a padding of zero bytes.
  expect(decryptRc2Cbc(key, new Uint8Array(8), bytes("2269552ab0f85ca6"))).toBeUndefined();
  // The same block, with an initialization vector that makes it eight times 08: all padding.
  expect(decryptRc2Cbc(key, Buffer.alloc(8, 8), bytes("2269552ab0f85ca6"))).toEqual(new Uint8Array());
});
