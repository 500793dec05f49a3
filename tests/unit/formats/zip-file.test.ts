import { randomBytes } from "node:crypto";
import { appendFile, open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type ByteRange, rangeOfBytes, withFileRange } from "../../../build/formats/byte-range.ts";
import { plainDeflate } from "../../../build/formats/deflate-run.ts";
import { readZipData, zipDataPlace } from "../../../build/formats/zip-data.ts";
import { readZip, readZipDirectory, type ZipRecord } from "../../../build/formats/zip-directory.ts";
import { type PackedEntry, type PackedPart, writeZipFile } from "../../../build/formats/zip-file.ts";
import {
  encodeDirectoryRecord,
  encodeLocalHeader,
  encodeZipEnd,
  ZIP_STORED,
} from "../../../build/formats/zip-records.ts";
import { ErthError } from "../../../runtime/base/errors.ts";
import { writeThrough } from "../../support/containers.ts";
import { scratchFolder } from "../../support/scratch.ts";

const signal = new AbortController().signal;

async function zipped(entries: readonly PackedEntry[], onPacked?: (part: PackedPart) => void): Promise<string> {
  const path = join(await scratchFolder(), "x.zip");
  const options = { deflate: plainDeflate(6), signal, ...(onPacked ? { onPacked } : {}) };
  await writeThrough(path, (sink) => writeZipFile(sink, entries, options));
  return path;
}

async function fileEntry(
  name: string,
  content: Uint8Array | string,
  cuts?: readonly number[],
): Promise<PackedEntry & { readonly kind: "file" }> {
  const file = join(await scratchFolder(), "f");
  await writeFile(file, content);
  const bytes = Buffer.byteLength(content);
  return { kind: "file", name, file, bytes, isExecutable: false, ...(cuts ? { cuts } : {}) };
}

async function contentOf(path: string, record: ZipRecord): Promise<Buffer> {
  return withFileRange(path, async (range) => Buffer.concat(await Array.fromAsync(readZipData(range, record))));
}

test("files, folders and links come back, and what does not shrink is stored", async () => {
  const text = "so it goes. ".repeat(600_000);
  const noise = randomBytes(70_000);
  const path = await zipped([
    { kind: "folder", name: "A.app" },
    await fileEntry("A.app/text", text),
    await fileEntry("A.app/noise", noise),
    await fileEntry("A.app/empty", ""),
    { kind: "link", name: "A.app/link", target: "/absolute/../so\\it stays" },
  ]);
  const records = await readZipDirectory(path);
  expect(records.map(({ name, method, mode }) => [name, method, mode.toString(8)])).toEqual([
    ["A.app/", 0, "40755"],
    ["A.app/text", 8, "100644"],
    ["A.app/noise", 0, "100644"],
    ["A.app/empty", 0, "100644"],
    ["A.app/link", 0, "120777"],
  ]);
  const contents = await Promise.all(records.map((record) => contentOf(path, record)));
  expect(contents[1]?.toString() === text).toBe(true);
  expect(contents[2]?.equals(noise)).toBe(true);
  expect(contents[4]?.toString()).toBe("/absolute/../so\\it stays");
});

test("parts on both sides of a cut are counted apart, and all of them together are the entry", async () => {
  const content = Buffer.concat([Buffer.alloc(90_000, "runtime "), randomBytes(40_000)]);
  const parts: PackedPart[] = [];
  const path = await zipped([await fileEntry("f", content, [0, 90_000])], (part) => parts.push(part));
  const [record] = await readZipDirectory(path);
  expect(parts.map(({ offset, bytes }) => [offset, bytes])).toEqual([
    [0, 90_000],
    [90_000, 40_000],
  ]);
  expect(parts[0]?.compressedBytes).toBeLessThan(1000);
  expect(parts[1]?.compressedBytes).toBeGreaterThan(40_000);
  expect(parts.reduce((sum, { compressedBytes }) => sum + compressedBytes, 0)).toBe(record?.compressedBytes);
});

test("a file that has grown, shrunk or gone since it was listed is refused", async () => {
  const grown = await fileEntry("f", "content");
  await appendFile(grown.file, "more");
  await expect(zipped([grown])).rejects.toMatchObject({ code: "FILE_CHANGED" });
  await expect(zipped([{ ...grown, bytes: 20 }])).rejects.toMatchObject({ code: "FILE_CHANGED" });
  await expect(zipped([{ ...grown, file: `${grown.file}-not` }])).rejects.toMatchObject({ code: "ENOENT" });
});

test("a file that is written to between its checksum and its bytes is refused", async () => {
  const entry = await fileEntry("f", randomBytes(100_000));
  let isFirst = true;
  const deflate = async (raw: Uint8Array, blockBytes: number) => {
    const run = await plainDeflate(1)(raw, blockBytes);
    if (isFirst) await writeFile(entry.file, randomBytes(100_000));
    isFirst = false;
    return run;
  };
  const path = join(await scratchFolder(), "x.zip");
  const written = writeThrough(path, (sink) => writeZipFile(sink, [entry], { deflate, signal }));
  await expect(written).rejects.toMatchObject({ code: "FILE_CHANGED" });
});

test("names that no zip can carry are refused", async () => {
  for (const name of ["a\\b", "a\0b", "\ud800", "x".repeat(70_000)]) {
    await expect(zipped([{ kind: "folder", name }])).rejects.toMatchObject({ code: "ZIP_NAME" });
  }
});

test("an abort ends it", async () => {
  const entry = await fileEntry("f", "x");
  const path = join(await scratchFolder(), "x.zip");
  const options = { deflate: plainDeflate(1), signal: AbortSignal.abort() };
  await expect(writeThrough(path, (sink) => writeZipFile(sink, [entry], options))).rejects.toMatchObject({
    name: "AbortError",
  });
});

test("numbers beyond 32 bits go into Zip64 and come back", async () => {
  const facts = (bytes: number, compressedBytes: number) =>
    ({ name: "f", method: 8, crc32: 1, mode: 0o100644, bytes, compressedBytes }) as const;
  const large = [0xffffffff, 5_000_000_000];
  for (const [bytes, compressedBytes, offset] of [
    [large[0]!, 7, 9],
    [7, large[1]!, 9],
    [7, 7, large[1]!],
    [large[1]!, large[1]!, large[0]!],
  ] as const) {
    const record = encodeDirectoryRecord(facts(bytes, compressedBytes), offset);
    const end = encodeZipEnd({ offset: 0, length: record.length, count: 1 });
    const { records } = await readZip(rangeOfBytes(Buffer.concat([record, end])));
    expect(records).toMatchObject([{ bytes, compressedBytes, offset }]);
  }
  expect(encodeLocalHeader(facts(large[1]!, 7)).readUInt16LE(4)).toBe(45);
});

test("a directory beyond 32 bits is found through the Zip64 end", async () => {
  const offset = 5_000_000_000;
  const record = encodeDirectoryRecord(
    { name: "", method: ZIP_STORED, crc32: 0, bytes: 0, compressedBytes: 0, mode: 0 },
    0,
  );
  const tail = Buffer.concat([record, encodeZipEnd({ offset, length: record.length, count: 1 })]);
  // A file of which only the end is read.
  const range: ByteRange = {
    size: offset + tail.length,
    read: (at, length) => {
      const zeros = Buffer.alloc(Math.max(0, Math.min(length, offset - at)));
      return Promise.resolve(
        Buffer.concat([zeros, tail])
          .subarray(Math.max(0, at - offset))
          .subarray(0, length),
      );
    },
  };
  expect(await readZip(range)).toMatchObject({ records: [{ name: "" }], offset, end: offset + record.length });
});

test("more entries than 16 bits count", async () => {
  const entries: readonly PackedEntry[] = Array.from({ length: 70_000 }, (_, at) => ({
    kind: "folder",
    name: `${at}`,
  }));
  const records = await readZipDirectory(await zipped(entries));
  expect(records).toHaveLength(70_000);
  expect(records.at(-1)?.name).toBe("69999/");
});

test("no cut of a zip is taken for a whole one", async () => {
  const bytes = await readFile(
    await zipped([await fileEntry("a/b", "text ".repeat(90)), { kind: "link", name: "l", target: "a" }]),
  );
  for (let end = 0; end < bytes.length; end += 1) {
    await expect(readZip(rangeOfBytes(bytes.subarray(0, end)))).rejects.toMatchObject({ code: "ZIP_DAMAGED" });
  }
});

test("whatever byte is changed, what is read is right or refused", async () => {
  const text = Buffer.from("text ".repeat(90));
  const bytes = await readFile(await zipped([await fileEntry("a/b", text)]));
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ flip;
      const range = rangeOfBytes(changed);
      try {
        for (const record of (await readZip(range)).records) {
          if (record.name !== "a/b") continue;
          expect(Buffer.concat(await Array.fromAsync(readZipData(range, record))).equals(text)).toBe(true);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(ErthError);
        expect(error).toMatchObject({ code: "ZIP_DAMAGED" });
      }
    }),
    { numRuns: 300 },
  );
});

test("a bomb unpacks no further than it promises, and data outside the file is not looked for", async () => {
  const path = await zipped([await fileEntry("bomb", Buffer.alloc(30_000_000))]);
  const [record] = await readZipDirectory(path);
  await withFileRange(path, async (range) => {
    let unpacked = 0;
    const reading = async (): Promise<void> => {
      for await (const chunk of readZipData(range, { ...record!, bytes: 1000 })) unpacked += chunk.length;
    };
    await expect(reading()).rejects.toThrow("more than the 1000 bytes");
    expect(unpacked).toBe(0);
    const outside = { ...record!, compressedBytes: range.size };
    await expect(zipDataPlace(range, outside)).rejects.toMatchObject({ code: "ZIP_DAMAGED" });
    await expect(zipDataPlace(range, { ...record!, name: "other" })).rejects.toThrow('says "bomb"');
  });
});

test("a full disk is told, whatever was gathered", async () => {
  const handle = await open("/dev/full", "w").catch(() => undefined);
  if (handle === undefined) return;
  await handle.close();
  const entry = await fileEntry("f", randomBytes(10));
  await expect(
    writeThrough("/dev/full", (sink) => writeZipFile(sink, [entry], { deflate: plainDeflate(1), signal })),
  ).rejects.toMatchObject({ code: "ENOSPC" });
});
