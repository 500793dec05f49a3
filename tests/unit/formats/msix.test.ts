import { createHash } from "node:crypto";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32, deflateRawSync } from "node:zlib";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseBlockMap, renderBlockMap } from "../../../build/formats/block-map.ts";
import { type ByteRange, rangeOfBytes, withFileRange } from "../../../build/formats/byte-range.ts";
import { plainDeflate } from "../../../build/formats/deflate-run.ts";
import { writeMsix } from "../../../build/formats/msix.ts";
import { msixNameFaults } from "../../../build/formats/msix-names.ts";
import { readMsix } from "../../../build/formats/msix-reader.ts";
import { addContentType, decodePartName, encodePartName, renderContentTypes } from "../../../build/formats/opc.ts";
import type { PackedPart } from "../../../build/formats/zip-file.ts";
import { readZipDirectory } from "../../../build/formats/zip-directory.ts";
import { zipWriter } from "../../../build/formats/zip-writer.ts";
import { ErthError } from "../../../runtime/base/errors.ts";
import { writeThrough } from "../../support/containers.ts";
import { scratchFolder } from "../../support/scratch.ts";
import { noise, SMALL_FILES, smallMsix, textFile } from "./msix-tree.ts";

const signal = new AbortController().signal;

async function messages(range: ByteRange): Promise<string> {
  return (await readMsix(range)).problems.map(({ message }) => message).join("\n");
}

test("a package reads back: every file, block by block", async () => {
  const { problems, entries, isSigned, manifest } = await withFileRange(await smallMsix(), readMsix);
  expect(problems).toEqual([]);
  expect(isSigned).toBe(false);
  expect(manifest).toContain('Executable="Plain &amp; Nötes 漢字.exe"');
  const wanted = SMALL_FILES.map((file) => {
    const content = "content" in file ? file.content : Buffer.alloc(0);
    return { path: file.path, bytes: file.bytes, sha256: createHash("sha256").update(content).digest("hex") };
  });
  expect(entries.slice(0, -1)).toEqual(wanted);
  expect(entries.at(-1)?.path).toBe("AppxManifest.xml");
});

test("the same files give the same bytes; parts of files add up to their data", async () => {
  const parts: PackedPart[] = [];
  const path = join(await scratchFolder(), "x.msix");
  const onPacked = (part: PackedPart): void => void parts.push(part);
  const request = { files: SMALL_FILES, manifest: "<Package/>", deflate: plainDeflate(9), signal, onPacked };
  await writeThrough(path, (sink) => writeMsix(sink, request));
  const records = (await readZipDirectory(path)).slice(0, -2);
  const data = records.reduce((sum, { compressedBytes }) => sum + compressedBytes, 0);
  expect(parts.reduce((sum, { compressedBytes }) => sum + compressedBytes, 0)).toBe(data);
  const [first, second] = [await smallMsix(), await smallMsix()];
  expect((await readFile(first)).equals(await readFile(second))).toBe(true);
});

test("files larger than one run keep their blocks; what does not shrink is stored without block sizes", async () => {
  const path = await smallMsix({
    files: [textFile("large.js", Buffer.alloc(9_000_001, "line of code\n")), noise("noise.bin", 200_000)],
  });
  const { problems, entries } = await withFileRange(path, readMsix);
  expect(problems).toEqual([]);
  expect(entries.map(({ bytes }) => bytes).slice(0, 2)).toEqual([9_000_001, 200_000]);
  const records = await readZipDirectory(path);
  expect(records.map(({ name, method }) => [name, method]).slice(0, 2)).toEqual([
    ["large.js", 8],
    ["noise.bin", 0],
  ]);
});

test("part names are ASCII and come back; the list of types keeps its brackets", async () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (path) => {
      const name = encodePartName(path.replaceAll("/", "_"));
      expect(name).toMatch(/^[A-Za-z0-9\-._~%]+$/);
      expect(decodePartName(name)).toBe(path.replaceAll("/", "_").toWellFormed());
    }),
  );
  const names = (await readZipDirectory(await smallMsix())).map(({ name }) => name);
  expect(names).toContain("bin/run%20it%2B%5B1%5D.dll");
  expect(names.slice(-3)).toEqual(["AppxManifest.xml", "AppxBlockMap.xml", "[Content_Types].xml"]);
  expect(decodePartName("%ff")).toBeUndefined();
  expect(decodePartName("%e")).toBeUndefined();
});

test("every part has a type: by extension, else by name; one more is added once", () => {
  const xml = renderContentTypes(["a.EXE", "b/c", "b/.hidden", "d.日本", "e.tar.gz", "X.xml"], { "X.xml": "x/y" });
  expect(xml).toContain('<Default Extension="exe" ContentType="application/x-msdownload"/>');
  expect(xml).toContain('<Default Extension="gz" ContentType="application/octet-stream"/>');
  for (const part of ["/b/c", "/b/.hidden", "/d.%E6%97%A5%E6%9C%AC"]) expect(xml).toContain(`PartName="${part}"`);
  expect(xml).toContain('<Override PartName="/X.xml" ContentType="x/y"/>');
  const added = addContentType(xml, "S.p7x", "s/t");
  expect(added).toContain('<Override PartName="/S.p7x" ContentType="s/t"/>\n</Types>');
  expect(addContentType(added, "S.p7x", "s/t")).toBe(added);
});

test("names that Windows or the package refuses are told, each with its reason", () => {
  const faults = msixNameFaults([
    "fine/name.txt",
    "a".repeat(261),
    "Fine/NAME.txt",
    "appxmanifest.xml",
    "AppxMetadata/x",
    "a:b",
    "what?",
    "ends.",
    "folder /x",
    "aux.js",
    "x/COM1",
  ]);
  expect(faults.map(({ path, reason }) => `${path.slice(0, 20)} ${reason.split(" ").slice(0, 6).join(" ")}`)).toEqual([
    "aaaaaaaaaaaaaaaaaaaa has 261 characters; Windows takes 260",
    "Fine/NAME.txt is fine/name.txt to Windows, which does",
    "appxmanifest.xml is the package's own file",
    "AppxMetadata/x is in a folder of the",
    "a:b has a character that Windows takes",
    "what? has a character that Windows takes",
    "ends. has a name that ends in",
    "folder /x has a name that ends in",
    "aux.js has the name of a device",
    "x/COM1 has the name of a device",
  ]);
});

test("a file that changed since it was listed is refused", async () => {
  const file = join(await scratchFolder(), "f");
  await writeFile(file, "content");
  const files = [{ path: "f.txt", file, bytes: 7 }];
  await smallMsix({ files });
  await appendFile(file, "more");
  await expect(smallMsix({ files })).rejects.toMatchObject({ code: "FILE_CHANGED" });
});

test("no cut of a package is taken for a whole one", async () => {
  const bytes = await readFile(await smallMsix());
  for (let end = 0; end < bytes.length; end += 29) {
    await expect(readMsix(rangeOfBytes(bytes.subarray(0, end)))).rejects.toMatchObject({ code: "ZIP_DAMAGED" });
  }
});

test("whatever byte of content, map or types is changed, a problem says so", async () => {
  const path = await smallMsix();
  const bytes = await readFile(path);
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ flip;
      try {
        const reading = await readMsix(rangeOfBytes(changed));
        // Dates, versions and attributes of the zip's own records mean nothing to a reader.
        if (reading.problems.length === 0) expect(reading).toEqual(await readMsix(rangeOfBytes(bytes)));
      } catch (error) {
        expect(error).toBeInstanceOf(ErthError);
        expect(error).toMatchObject({ code: "ZIP_DAMAGED" });
      }
    }),
    { numRuns: 200 },
  );
});

test("a flipped bit in a block is found in that block", async () => {
  const path = await smallMsix();
  const bytes = await readFile(path);
  const [record] = await readZipDirectory(path);
  const changed = Buffer.from(bytes);
  // Behind the first block's deflate header, where a literal lies.
  const place = record!.offset + 30 + record!.name.length + 20;
  changed[place] = (changed[place] ?? 0) ^ 1;
  expect(await messages(rangeOfBytes(changed))).toMatch(/Plain & Nötes 漢字\.exe has (a|another) block 0/);
});

/** A package whose zip is right, with this map and these parts. */
async function hostile(parts: Readonly<Record<string, string>>, blockMap: string): Promise<ByteRange> {
  const path = join(await scratchFolder(), "x.msix");
  const types = renderContentTypes([...Object.keys(parts), "AppxManifest.xml", "AppxBlockMap.xml"], {});
  const all = {
    ...parts,
    "AppxManifest.xml": "<Package/>",
    "AppxBlockMap.xml": blockMap,
    "[Content_Types].xml": types,
  };
  await writeThrough(path, async (sink) => {
    const zip = zipWriter(sink);
    for (const [name, text] of Object.entries(all)) {
      const content = deflateRawSync(text);
      const facts = { name, method: 8, bytes: text.length, compressedBytes: content.length, mode: undefined } as const;
      await zip.add({ ...facts, crc32: crc32(text) }, [content]);
    }
    await zip.end();
  });
  return rangeOfBytes(await readFile(path));
}

test("files that the map forgets, promises or repeats, and parts that lead out, are problems", async () => {
  const sha256 = createHash("sha256").update("x").digest();
  const file = { path: "b.txt", bytes: 1, localHeaderBytes: 35, blocks: [{ hash: sha256, compressedBytes: 3 }] };
  const told = await messages(
    await hostile({ "a.txt": "x", "../up.txt": "x", "c/": "" }, renderBlockMap([file, file])),
  );
  for (const part of [
    "a.txt is in the package, but not in the block map",
    "b.txt is in the block map, but not in the package",
    "b.txt is twice in the block map",
    '"../up.txt" leads out of the package',
    "c/ is a folder",
  ])
    expect(told).toContain(part);
});

test("blocks that are not alone, too long, or too many are problems", async () => {
  const told = async (change: Partial<ReturnType<typeof parseBlockMap>[number]>): Promise<string> => {
    const file = { path: "a.txt", bytes: 1, localHeaderBytes: 35, blocks: [], ...change };
    return messages(await hostile({ "a.txt": "x" }, renderBlockMap([file])));
  };
  const hash = Buffer.alloc(32);
  expect(await told({})).toContain("a.txt has 0 blocks for 1 bytes");
  expect(await told({ bytes: 2 })).toContain("a.txt has 1 bytes, in the block map 2");
  expect(await told({ blocks: [{ hash, compressedBytes: 400 }] })).toContain("a block 0 of 400 bytes");
  expect(await told({ blocks: [{ hash, compressedBytes: 3 }] })).toContain("another block 0 than the map says");
  expect(await told({ localHeaderBytes: 36, blocks: [{ hash, compressedBytes: 3 }] })).toContain(
    "a local header of 35",
  );
});

test("whatever the map's XML is, it is a map or BLOCK_MAP_INVALID", () => {
  const map = renderBlockMap([{ path: "a", bytes: 1, localHeaderBytes: 31, blocks: [] }]);
  expect(parseBlockMap(map)).toHaveLength(1);
  fc.assert(
    fc.property(fc.nat(map.length), fc.constantFrom("", "<", "&x;", '"', "</File>", "<Block/>", "1e9"), (at, text) => {
      try {
        parseBlockMap(map.slice(0, at) + text + map.slice(at + 1));
      } catch (error) {
        expect(error).toMatchObject({ code: "BLOCK_MAP_INVALID" });
      }
    }),
    { numRuns: 400 },
  );
  expect(() => parseBlockMap(map.replace("sha256", "md5"))).toThrow("hash method");
});
