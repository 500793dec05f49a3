import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { inflateRawSync } from "node:zlib";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { DEFLATE_END, deflateBlocks, plainDeflate } from "../../../build/formats/deflate-run.ts";
import { inOrder } from "../../../build/formats/in-order.ts";

test("runs that were made apart unpack as one stream, in any order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 6 }),
      fc.integer({ min: 1, max: 4000 }),
      fc.integer({ min: 0, max: 9 }),
      async (parts, blockBytes, level) => {
        const deflate = plainDeflate(level);
        const runs = await Promise.all(parts.map((part) => deflate(part, blockBytes)));
        const stream: Uint8Array[] = [];
        for (const run of runs) stream.push(...(await Array.fromAsync(run.read())));
        expect(inflateRawSync(Buffer.concat([...stream, DEFLATE_END])).equals(Buffer.concat(parts))).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
});

test("each block unpacks alone", async () => {
  // What repeats over a block's boundary tempts a compressor to refer back.
  const half = randomBytes(5000);
  const blocks = await deflateBlocks(Buffer.concat([half, half]), 5000, 9);
  for (const block of blocks) expect(inflateRawSync(Buffer.concat([block, DEFLATE_END])).equals(half)).toBe(true);
  expect(blocks).toHaveLength(2);
});

test("tasks run side by side, results come in order", async () => {
  const running = { now: 0, most: 0 };
  const task = (value: number) => async () => {
    running.most = Math.max(running.most, (running.now += 1));
    await setTimeout((7 - value) * 3);
    running.now -= 1;
    return value;
  };
  expect(await Array.fromAsync(inOrder([1, 2, 3, 4, 5, 6].map(task), 3))).toEqual([1, 2, 3, 4, 5, 6]);
  expect(running.most).toBe(3);
});

test("after a failure nothing starts, and nothing is left running", async () => {
  const started: number[] = [];
  let ended = 0;
  const task = (value: number) => async () => {
    started.push(value);
    await setTimeout(value === 1 ? 1 : 20);
    ended += 1;
    if (value === 1) throw new Error("first");
  };
  await expect(Array.fromAsync(inOrder([1, 2, 3, 4, 5, 6].map(task), 2))).rejects.toThrow("first");
  expect(started).toEqual([1, 2]);
  expect(ended).toBe(2);
});
