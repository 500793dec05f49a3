import { appendFile, chmod, readFile, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { deflateSync, gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { PackedPart } from "../../../build/formats/zip-file.ts";
import { rangeOfBytes, withFileRange } from "../../../build/formats/byte-range.ts";
import { plainDeflate } from "../../../build/formats/deflate-run.ts";
import { writePkg } from "../../../build/formats/pkg.ts";
import { readPkg } from "../../../build/formats/pkg-reader.ts";
import { ErthError } from "../../../runtime/base/errors.ts";
import { scratchFolder } from "../../support/scratch.ts";
import { cpioOf, hostilePkg, packedTree, PKG_FACTS, smallPkg, smallTree } from "./pkg-tree.ts";

const signal = new AbortController().signal;

test("a package reads back: every entry of its Payload is in its Bom, and nothing else", async () => {
  const { problems, distribution, components } = await withFileRange(await smallPkg(), readPkg);
  expect(problems).toEqual([]);
  expect(distribution).toContain("<title>Plain &amp; Nötes 漢字</title>");
  const [component] = components;
  expect(component?.name).toBe("dev.example.notes.pkg");
  const lines = component?.entries.map(
    ({ path, kind, mode, bytes, link }) => `${kind} ${mode.toString(8)} ${path} ${link ?? bytes}`,
  );
  expect(lines).toEqual([
    "folder 40755 . 0",
    "folder 40755 ./Plain Nötes 漢字.app 0",
    "folder 40755 ./Plain Nötes 漢字.app/Contents 0",
    "folder 40755 ./Plain Nötes 漢字.app/Contents/Empty 0",
    "file 100644 ./Plain Nötes 漢字.app/Contents/Info.plist 9",
    "folder 40755 ./Plain Nötes 漢字.app/Contents/MacOS 0",
    "file 100755 ./Plain Nötes 漢字.app/Contents/MacOS/notes 700000",
    "link 120755 ./Plain Nötes 漢字.app/Contents/start MacOS/notes",
    "file 100644 ./Plain Nötes 漢字.app/Contents/é̈ 漢字 0",
  ]);
});

test("the same tree gives the same bytes, and nothing is left beside the package", async () => {
  const [first, second] = [await smallPkg(), await smallPkg()];
  expect((await readFile(first)).equals(await readFile(second))).toBe(true);
  expect(await readdir(dirname(first))).toEqual(["x.pkg"]);
});

test("the parts of files come to no more than the package has", async () => {
  const { root } = await smallTree();
  const path = join(await scratchFolder(), "x.pkg");
  const parts: PackedPart[] = [];
  const entries = await packedTree(root, PKG_FACTS.bundleName);
  const onPacked = (part: PackedPart): void => void parts.push(part);
  await writePkg(path, { facts: PKG_FACTS, entries, scripts: [], deflate: plainDeflate(9), signal, onPacked });
  expect(parts.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(700_009);
  const compressed = parts.reduce((sum, { compressedBytes }) => sum + compressedBytes, 0);
  expect(compressed).toBeGreaterThan(700);
  expect(compressed).toBeLessThan((await readFile(path)).length);
});

test("scripts of which none is an executable preinstall or postinstall are refused, and nothing is written", async () => {
  const { scripts } = await smallTree();
  await chmod(join(scripts, "postinstall"), 0o644);
  await expect(smallPkg({ scripts })).rejects.toMatchObject({ code: "PKG_SCRIPTS" });
  await rm(join(scripts, "postinstall"));
  await expect(smallPkg({ scripts })).rejects.toMatchObject({ code: "PKG_SCRIPTS" });
});

test("a file that changed since it was listed ends it, and leaves no pieces", async () => {
  const { root } = await smallTree();
  const entries = await packedTree(root, PKG_FACTS.bundleName);
  await appendFile(join(root, "Contents/MacOS/notes"), "more");
  const path = join(await scratchFolder(), "x.pkg");
  const request = { facts: PKG_FACTS, entries, scripts: [], deflate: plainDeflate(1), signal };
  await expect(writePkg(path, request)).rejects.toMatchObject({ code: "FILE_CHANGED" });
  expect(await readdir(dirname(path))).toEqual([]);
});

test("a file of more than 8 GiB is refused by name", async () => {
  const folder = await scratchFolder();
  await writeFile(join(folder, "large"), "");
  await truncate(join(folder, "large"), 8 * 2 ** 30);
  await expect(smallPkg({ root: folder })).rejects.toMatchObject({ code: "CPIO_LIMIT" });
});

test("no cut of a package is taken for a whole one", async () => {
  const bytes = await readFile(await smallPkg());
  for (let end = 0; end < bytes.length; end += 37) {
    const found = await readPkg(rangeOfBytes(bytes.subarray(0, end))).catch((error: unknown) => error);
    expect(found, `cut at ${end}`).toMatchObject({ code: expect.stringMatching(/^XAR_/) });
  }
});

test("whatever byte is changed, a problem says so", async () => {
  const bytes = await readFile(await smallPkg());
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
      // The header's number of the checksum is not read: the table names it.
      if (at >= 24 && at < 28) return;
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ flip;
      const found = await readPkg(rangeOfBytes(changed)).catch((error: unknown) => error);
      if (found instanceof ErthError) expect(found.code).toMatch(/^XAR_/);
      else expect(found).not.toMatchObject({ problems: [] });
    }),
    { numRuns: 150 },
  );
});

test("paths that leave the package, devices, and what is no gzip are problems", async () => {
  const messages = async (payload: Uint8Array): Promise<string> => {
    const { problems } = await readPkg(rangeOfBytes(await hostilePkg(payload)));
    return problems.map(({ message }) => message).join(" ");
  };
  for (const path of ["../out", "/etc/passwd", "./a/../../out", "./a//b"]) {
    expect(await messages(gzipSync(cpioOf([path, 0o100644, Buffer.from("x")])))).toContain("leads out of the package");
  }
  expect(await messages(gzipSync(cpioOf(["./dev", 0o060644, Buffer.alloc(0)])))).toContain("neither a file");
  expect(await messages(gzipSync(cpioOf(["./link", 0o120755, Buffer.alloc(70_000)])))).toContain(
    "a target of 70000 bytes",
  );
  expect(await messages(Buffer.from([0x1f, 0x8b, 9, 9, 9]))).toContain("cannot be unpacked");
  expect(await messages(gzipSync(cpioOf(["./a", 0o100644, Buffer.from("x")])))).toContain("not in the Bom");
});

test("a Payload that promises gigabytes and is short ends with what is there", async () => {
  const short = cpioOf(["./a", 0o100644, Buffer.alloc(0), 8 ** 11 - 1]);
  const { problems } = await readPkg(rangeOfBytes(await hostilePkg(gzipSync(short))));
  expect(problems.map(({ message }) => message).join(" ")).toContain("ends inside ./a");
});

test("a Payload may be Apple's own compression, which is not opened; a package may be one component", async () => {
  const other = await readPkg(rangeOfBytes(await hostilePkg(deflateSync(Buffer.from("x")))));
  expect(other).toMatchObject({ problems: [], components: [{ name: "a.pkg", form: "other", entries: [] }] });
  const payload = gzipSync(cpioOf([".", 0o040755, Buffer.alloc(0)]));
  expect(await readPkg(rangeOfBytes(await hostilePkg(payload, "")))).toMatchObject({
    problems: [],
    components: [{ name: "", form: "cpio", entries: [{ path: "." }] }],
  });
});

test("a bomb unpacks to no more than the package's size allows, in bytes or in entries", async () => {
  const limits = { maxEntries: 3, maxBytes: 8 * 2 ** 30, maxRatio: 200 };
  const codes = async (payload: Uint8Array): Promise<readonly string[]> =>
    (await readPkg(rangeOfBytes(await hostilePkg(gzipSync(payload))), { limits })).problems.map(({ code }) => code);
  expect(await codes(cpioOf(["./zeros", 0o100644, Buffer.alloc(70 << 20)]))).toContain("PKG_LIMIT");
  const file = (name: string) => [`./${name}`, 0o100644, Buffer.alloc(0)] as const;
  expect(await codes(cpioOf(file("a"), file("b"), file("c")))).not.toContain("PKG_LIMIT");
  expect(await codes(cpioOf(file("a"), file("b"), file("c"), file("d")))).toContain("PKG_LIMIT");
});
