import * as fc from "fast-check";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bcjCoder, type BcjDirection, type BcjFilter } from "../../../build/formats/bcj.ts";

const FILTERS: readonly BcjFilter[] = ["bcj-x86", "bcj-arm64"];

function run(filter: BcjFilter, direction: BcjDirection, chunks: readonly Uint8Array[]): Buffer {
  const coder = bcjCoder(filter, direction);
  return Buffer.concat([...chunks.map((chunk) => coder.push(chunk)), coder.end()]);
}

/** Bytes in which the filters find a lot to do. */
const code = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        [0xe8],
        [0xe9],
        [0x48, 0x8d, 0x05],
        [0x4c, 0x8b, 0x0d],
        [0x48],
        [0, 0, 0, 0],
        [0xff, 0xff, 0xff, 0xff],
        [0xff, 0xff, 0xff, 0x97],
        [0, 0, 0, 0xb0],
        [0xe0, 0xff, 0xff, 0xf0],
      ),
      fc.array(fc.nat(255), { maxLength: 6 }),
    ),
    { maxLength: 60 },
  )
  .map((runs) => Buffer.from(runs.flat()));

test.each(FILTERS)("%s undoes itself, whatever the chunks", (filter) => {
  fc.assert(
    fc.property(code, fc.array(fc.nat(200), { maxLength: 8 }), (bytes, cuts) => {
      const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
      const chunks = places.slice(1).map((end, at) => bytes.subarray(places[at], end));
      const whole = run(filter, "encode", [bytes]);
      expect(run(filter, "encode", chunks)).toEqual(whole);
      expect(run(filter, "decode", [whole])).toEqual(bytes);
      const encodedChunks = places.slice(1).map((end, at) => whole.subarray(places[at], end));
      expect(run(filter, "decode", encodedChunks)).toEqual(bytes);
    }),
    { numRuns: 500 },
  );
});

test("two calls of one function look alike after bcj-x86", () => {
  const call = (at: number): Buffer => {
    const bytes = Buffer.from([0xe8, 0, 0, 0, 0]);
    bytes.writeInt32LE(0x1000 - (at + 5), 1);
    return bytes;
  };
  const encoded = run("bcj-x86", "encode", [Buffer.concat([call(0), Buffer.alloc(95, 0x90), call(100)])]);
  expect(encoded.subarray(0, 5)).toEqual(encoded.subarray(100, 105));
  expect(encoded.readInt32LE(1)).toBe(0x1000);
});

test("two calls of one function look alike after bcj-arm64", () => {
  const bytes = Buffer.alloc(0x104, 0);
  bytes.writeUInt32LE((0x94000000 | (0x400 >> 2)) >>> 0, 0);
  bytes.writeUInt32LE((0x94000000 | ((0x400 - 0x100) >> 2)) >>> 0, 0x100);
  const encoded = run("bcj-arm64", "encode", [bytes]);
  expect(encoded.readUInt32LE(0x100)).toBe(encoded.readUInt32LE(0));
});

// The stub's Go test reads the same file: both sides have to agree on every byte.
test("the vectors that the stub is tested with", async () => {
  const noise = (seed: string): Buffer =>
    Buffer.concat(Array.from({ length: 64 }, (_, at) => createHash("sha256").update(`${seed}${at}`).digest()));
  const raw = Buffer.concat(
    Array.from({ length: 40 }, (_, at) => [
      Buffer.from([0xe8, at, at * 3, 0, 0, 0x48, 0x8d, 0x05, at, 0xff, 0xff, 0xff, 0x90]),
      Buffer.from([at, 0, 0, 0x94, at, 0, 0, 0x90 | ((at & 3) << 5)]),
      noise(`erth ${at}`).subarray(0, 43),
    ]).flat(),
  );
  const vectors = FILTERS.map((filter) => ({
    filter,
    raw: raw.toString("hex"),
    encoded: run(filter, "encode", [raw]).toString("hex"),
  }));
  const golden = join(import.meta.dirname, "../../golden/payload/bcj-vectors.json");
  await expect(`${JSON.stringify(vectors, undefined, 2)}\n`).toMatchFileSnapshot(golden);
});
