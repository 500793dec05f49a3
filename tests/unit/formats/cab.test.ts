import { inflateRawSync } from "node:zlib";
import { array, assert, asyncProperty, uint8Array } from "fast-check";
import { describe, expect, test } from "vitest";
import { CAB_BLOCK_BYTES, encodeCabBlocks, encodeCabHead, type CabFolder } from "../../../build/formats/cab.ts";

const blocksOf = async (chunks: readonly Uint8Array[], level = 6): Promise<Buffer[]> => {
  const blocks: Buffer[] = [];
  for await (const block of encodeCabBlocks(chunks, level)) blocks.push(Buffer.from(block));
  return blocks;
};

/** As [MS-MCI] reads them: each over the window that the one before left. */
const decode = (blocks: readonly Buffer[]): Buffer => {
  const raw: Buffer[] = [];
  for (const block of blocks) {
    const length = block.readUInt16LE(4);
    expect(block.length).toBe(8 + length);
    expect(block.toString("latin1", 8, 10)).toBe("CK");
    const dictionary = raw.at(-1);
    const inflated = inflateRawSync(block.subarray(10), dictionary && { dictionary });
    expect(inflated.length).toBe(block.readUInt16LE(6));
    raw.push(inflated);
  }
  return Buffer.concat(raw);
};

describe("a cabinet's blocks", () => {
  test("hold what went in, however it was cut", async () => {
    await assert(
      asyncProperty(array(uint8Array({ maxLength: 3 * CAB_BLOCK_BYTES }), { maxLength: 5 }), async (chunks) => {
        expect(decode(await blocksOf(chunks)).equals(Buffer.concat(chunks))).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  test("are no longer than the format's buffer where nothing compresses", async () => {
    const noise = crypto.getRandomValues(new Uint8Array(CAB_BLOCK_BYTES));
    const [block] = await blocksOf([noise]);
    expect(block!.length - 8).toBeLessThanOrEqual(CAB_BLOCK_BYTES + 12);
  });

  test("repeat over their borders for nearly nothing", async () => {
    const noise = crypto.getRandomValues(new Uint8Array(CAB_BLOCK_BYTES / 2));
    const [first, second] = await blocksOf([new Uint8Array(CAB_BLOCK_BYTES / 2), noise, noise, noise]);
    expect(second!.length).toBeLessThan(first!.length / 10);
  });
});

describe("a cabinet's limits", () => {
  const folder = (change: Partial<CabFolder>): CabFolder => ({
    files: [{ name: "f", bytes: 1, offset: 0 }],
    blockCount: 1,
    bytes: 20,
    ...change,
  });

  test("the head says where everything is", () => {
    const { head, cabinetBytes } = encodeCabHead([folder({}), folder({})]);
    expect(cabinetBytes).toBe(head.length + 40);
    expect(Buffer.from(head).readUInt32LE(8)).toBe(cabinetBytes);
    expect([36, 44].map((at) => Buffer.from(head).readUInt32LE(at))).toEqual([head.length, head.length + 20]);
  });

  test.each([
    ["blocks in one folder", [folder({ blockCount: 65_536 })]],
    ["bytes", [folder({ bytes: 2 ** 31 })]],
    ["files", [folder({ files: Array.from({ length: 65_536 }, () => ({ name: "f", bytes: 0, offset: 0 })) })]],
  ])("too many %s are refused by name", (what, folders) => {
    expect(() => encodeCabHead(folders)).toThrow(
      expect.objectContaining({ code: "CAB_LIMIT", facts: expect.objectContaining({ what }) }),
    );
  });
});
