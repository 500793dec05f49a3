import * as fc from "fast-check";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { rangeOfBytes, withFileRange } from "../../../build/formats/byte-range.ts";
import { readExtents, writeExtents } from "../../../build/formats/extent.ts";
import { layoutXz, readXzIndex, type XzPart } from "../../../build/formats/xz.ts";
import { encodeXz } from "../../../build/tools/xz.ts";
import { scratchFolder } from "../../support/scratch.ts";

const { signal } = new AbortController();

async function encoded(text: string, filter: "none" | "x86" = "none"): Promise<XzPart> {
  const folder = await scratchFolder();
  const [input, output] = [join(folder, "in"), join(folder, "out")];
  await writeFile(input, text);
  await encodeXz({ input, output, filter, dictionaryBytes: 1 << 20 }, signal);
  return { path: output, file: await withFileRange(output, readXzIndex) };
}

test("blocks of several files become one stream, and read back", async () => {
  const parts = await Promise.all([encoded("first ".repeat(500)), encoded("second", "x86"), encoded("")]);
  expect(parts.map(({ file }) => file.blocks.map(({ rawBytes }) => rawBytes))).toEqual([[3000], [6], [0]]);
  const path = join(await scratchFolder(), "joined.xz");
  await writeExtents(path, layoutXz(parts.slice(0, 2)), signal);
  const joined = await withFileRange(path, readXzIndex);
  expect(joined.blocks.map(({ rawBytes }) => rawBytes)).toEqual([3000, 6]);
  // Cut out again, a block is what it was.
  const bytes = await readFile(path);
  const [, second] = joined.blocks;
  const original = await readFile(parts[1].path);
  const place = parts[1].file.blocks[0]!;
  expect(bytes.subarray(second!.offset, second!.offset + second!.unpaddedBytes)).toEqual(
    original.subarray(place.offset, place.offset + place.unpaddedBytes),
  );
});

test("the same bytes again, and nothing left beside them", async () => {
  const [one, two] = await Promise.all([encoded("same ".repeat(999)), encoded("same ".repeat(999))]);
  expect(await readFile(one.path)).toEqual(await readFile(two.path));
});

test("what cannot be read, and a stop, are errors", async () => {
  const folder = await scratchFolder();
  const request = {
    input: join(folder, "none"),
    output: join(folder, "out"),
    filter: "none",
    dictionaryBytes: 1 << 20,
  } as const;
  await expect(encodeXz(request, signal)).rejects.toMatchObject({ code: "XZ_FAILED" });
  await writeFile(request.input, Buffer.alloc(20 << 20, "x"));
  const stop = new AbortController();
  const encoding = encodeXz(request, stop.signal);
  stop.abort();
  await expect(encoding).rejects.toMatchObject({ name: "AbortError" });
  await expect(readFile(request.output)).rejects.toMatchObject({ code: "ENOENT" });
});

test("parts with other checks do not go together", async () => {
  const part = await encoded("x");
  const other = { path: "other", file: { ...part.file, flags: 4 } };
  expect(() => layoutXz([part, other])).toThrow("other has other checks");
});

test("a file that is cut off or flipped in its index is refused", async () => {
  const part = await encoded("content");
  const bytes = Buffer.concat(await Array.fromAsync(readExtents(layoutXz([part, part]))));
  for (let length = 0; length < bytes.length; length += 1) {
    await expect(readXzIndex(rangeOfBytes(bytes.subarray(0, length)))).rejects.toMatchObject({ code: "XZ_DAMAGED" });
  }
  const end = part.file.blocks[0]!.offset + 2 * 4 * Math.ceil(part.file.blocks[0]!.unpaddedBytes / 4);
  for (let at = end; at < bytes.length; at += 1) {
    const flipped = Buffer.from(bytes);
    flipped[at] = flipped[at]! ^ 1;
    await expect(readXzIndex(rangeOfBytes(flipped))).rejects.toMatchObject({ code: "XZ_DAMAGED" });
  }
});

test("any bytes are read or refused", async () => {
  const bytes = Buffer.concat(await Array.fromAsync(readExtents(layoutXz([await encoded("content")]))));
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.uint8Array({ minLength: 1, maxLength: 20 }), async (at, noise) => {
      const changed = Buffer.from(bytes);
      changed.set(noise.subarray(0, bytes.length - at), at);
      const found: unknown = await readXzIndex(rangeOfBytes(changed)).catch((thrown: unknown) => thrown);
      if (found instanceof Error) expect(found).toMatchObject({ code: "XZ_DAMAGED" });
    }),
    { numRuns: 200 },
  );
});
