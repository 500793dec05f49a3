import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encodePayloadHeader, findInPayload, type PayloadFile } from "../../../runtime/sidecar-native/payload.ts";

function payload(files: readonly (readonly [name: string, bytes: Uint8Array])[]): Uint8Array {
  let offset = 0;
  const list = files.map(([name, bytes]): PayloadFile => {
    const file = { name, offset, length: bytes.length, sha256: `digest of ${name}` };
    offset += bytes.length;
    return file;
  });
  return Buffer.concat([encodePayloadHeader(list), ...files.map(([, bytes]) => bytes)]);
}

test("every file comes back as it went in, with its digest", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(fc.string(), fc.uint8Array()), { selector: ([name]) => name }), (files) => {
      const whole = payload(files);
      for (const [name, bytes] of files) {
        const found = findInPayload(whole, name);
        expect(found?.sha256).toBe(`digest of ${name}`);
        expect(Buffer.from(found?.bytes ?? [])).toEqual(Buffer.from(bytes));
      }
      expect(findInPayload(whole, "no such file")).toBeUndefined();
    }),
  );
});

test("a payload cut short is refused", () => {
  const whole = payload([["natives/a.node", Buffer.from("machine code")]]);
  for (let length = 0; length < whole.length; length++) {
    expect(() => findInPayload(whole.subarray(0, length), "natives/a.node"), `${length} bytes`).toThrow();
  }
});
