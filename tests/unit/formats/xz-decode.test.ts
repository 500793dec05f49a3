import { randomBytes } from "node:crypto";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { decodeXz } from "../../../build/formats/xz-decode.ts";
import { encodeXz } from "./small-volume.ts";

const TEXT = Buffer.from("An app of many parts. ".repeat(5000));

test("what was compressed comes back", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 4096 }), async (bytes) => {
      const packed = await encodeXz(bytes);
      expect(Buffer.from((await decodeXz(packed, bytes.length)) ?? "damaged")).toEqual(Buffer.from(bytes));
    }),
    { numRuns: 12 },
  );
});

test("a stream with another length, cut off or changed gives nothing", async () => {
  const packed = await encodeXz(TEXT);
  expect(await decodeXz(packed, TEXT.length - 1)).toBeUndefined();
  expect(await decodeXz(packed, TEXT.length + 1)).toBeUndefined();
  expect(await decodeXz(Buffer.concat([packed, Buffer.alloc(4)]), TEXT.length)).toBeUndefined();
  for (let length = 0; length < packed.length; length += 7) {
    expect(await decodeXz(packed.subarray(0, length), TEXT.length)).toBeUndefined();
  }
  for (let at = 0; at < packed.length; at += 5) {
    const changed = Uint8Array.from(packed);
    changed[at] = (changed[at] ?? 0) ^ 0x10;
    expect(await decodeXz(changed, TEXT.length), `byte ${at}`).toBeUndefined();
  }
});

test("a stream that would fill the memory is given up at its stated length", async () => {
  const bomb = await encodeXz(Buffer.alloc(16 << 20));
  expect(bomb.length).toBeLessThan(4000);
  expect(await decodeXz(bomb, 1000)).toBeUndefined();
  expect(await decodeXz(randomBytes(1000), 1 << 20)).toBeUndefined();
});
