import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { layoutSquashfs, type SquashfsEntry, type SquashfsLayout } from "../../../build/formats/squashfs.ts";
import { squashfsChunks } from "../../../build/formats/squashfs-stream.ts";
import { FIXTURE } from "./squashfs-fixture.ts";

const MODIFIED = new Date("2000-01-01T00:00:00Z");
const OPTIONS = { modifiedAt: MODIFIED, imageOffset: 12 << 10 };
const file = (path: string, text: string): SquashfsEntry => ({
  kind: "file",
  path,
  mode: 0o644,
  content: Buffer.from(text),
});

function tree(): readonly SquashfsEntry[] {
  return [
    { kind: "folder", path: "usr", mode: 0o755 },
    { kind: "folder", path: "usr/empty", mode: 0o700 },
    file("usr/note 漢字", "hello"),
    file("usr/none", ""),
    file(".DirIcon", "hello"),
    { kind: "link", path: "link", target: "usr/note 漢字" },
    { kind: "file", path: "AppRun", mode: 0o755, content: { bytes: 300_000, alignBytes: 64 << 10 } },
  ];
}

/** What the superblock says, by the names of `squashfs_fs.h`. */
function describeLayout({ superblock, contents, tables, tablesOffset, imageBytes }: SquashfsLayout): unknown {
  const long = (at: number): string => `0x${superblock.readBigUInt64LE(at).toString(16)}`;
  return {
    magic: superblock.toString("latin1", 0, 4),
    inodes: superblock.readUInt32LE(4),
    modified: new Date(superblock.readUInt32LE(8) * 1000).toISOString(),
    blockSize: superblock.readUInt32LE(12),
    fragments: superblock.readUInt32LE(16),
    compression: superblock.readUInt16LE(20),
    flags: `0x${superblock.readUInt16LE(24).toString(16)}`,
    owners: superblock.readUInt16LE(26),
    version: `${superblock.readUInt16LE(28)}.${superblock.readUInt16LE(30)}`,
    rootInode: long(32),
    bytesUsed: long(40),
    idTable: long(48),
    xattrTable: long(56),
    inodeTable: long(64),
    directoryTable: long(72),
    fragmentTable: long(80),
    lookupTable: long(88),
    contents: contents.map(({ path, offset }) => `${offset} ${path}`),
    tablesOffset,
    tablesSha256: createHash("sha256").update(tables).digest("hex"),
    imageBytes,
  };
}

test("the layout of an image is the one that was reviewed", async () => {
  const layout = layoutSquashfs(tree(), OPTIONS);
  const text = `${JSON.stringify(describeLayout(layout), null, 2)}\n`;
  await expect(text).toMatchFileSnapshot("../../golden/appimage/squashfs-layout.json");
});

test("the same entries give the same bytes", () => {
  expect(layoutSquashfs(tree(), OPTIONS)).toEqual(layoutSquashfs(tree(), OPTIONS));
});

test("a content that was given by its length begins at a multiple in the outer file", () => {
  for (const imageOffset of [0, 4096, 12 << 10, 12_345]) {
    const { contents } = layoutSquashfs(tree(), { ...OPTIONS, imageOffset });
    expect(((contents.at(-1)?.offset ?? 0) + imageOffset) % (64 << 10)).toBe(0);
  }
});

test("equal contents lie in the image once", () => {
  const { contents } = layoutSquashfs(tree(), OPTIONS);
  expect(contents.map(({ path }) => path)).toEqual(["usr/note 漢字", "AppRun"]);
});

test("a file beyond 4 GiB gets an inode that can hold it", () => {
  const bytes = 2 ** 32 + 5;
  const big: SquashfsEntry = { kind: "file", path: "big", mode: 0o644, content: { bytes, alignBytes: 1 } };
  const { tables, imageBytes } = layoutSquashfs([big], OPTIONS);
  expect(imageBytes).toBeGreaterThan(bytes);
  // The first inode of the first block of the table: LREG, its size at 24.
  expect(tables.readUInt16LE(2)).toBe(9);
  expect(tables.readBigUInt64LE(2 + 24)).toBe(BigInt(bytes));
});

test("the stub's reader is tested on an image that is written now", async () => {
  const noStream = (path: string): never => {
    throw new Error(`${path} has no stream`);
  };
  const chunks: Uint8Array[] = [];
  const layout = layoutSquashfs(FIXTURE, { modifiedAt: MODIFIED, imageOffset: 0 });
  for await (const chunk of squashfsChunks(layout, noStream)) chunks.push(chunk);
  const file = new URL("../../../build/stub/testdata/small.squashfs", import.meta.url);
  expect(Buffer.concat(chunks).equals(await readFile(file))).toBe(true);
});

test("names and links that the format cannot hold are refused", () => {
  const limit = expect.objectContaining({ code: "SQUASHFS_LIMIT" });
  expect(() => layoutSquashfs([file("é".repeat(128), "")], OPTIONS)).toThrowError(limit);
  expect(() => layoutSquashfs([{ kind: "link", path: "l", target: "x".repeat(4096) }], OPTIONS)).toThrowError(limit);
  expect(layoutSquashfs([file("é".repeat(127), "")], OPTIONS).imageBytes).toBe(4096);
});

test("an entry twice, without its folder or in a file is a bug", () => {
  for (const entries of [
    [file("a", ""), file("a", "")],
    [file("a/b", "")],
    [file("a", ""), file("a/b", "")],
    [file("a/", "")],
  ]) {
    expect(() => layoutSquashfs(entries, OPTIONS)).toThrowError("twice, or before its folder");
  }
});

test("the streamed image has every piece in its place, and zeros between", async () => {
  const layout = layoutSquashfs(tree(), OPTIONS);
  const program = Buffer.alloc(300_000, 0x41);
  const stream = async function* (path: string): AsyncGenerator<Uint8Array> {
    expect(path).toBe("AppRun");
    yield program.subarray(0, 7);
    yield program.subarray(7);
  };
  const chunks: Uint8Array[] = [];
  for await (const chunk of squashfsChunks(layout, stream)) chunks.push(chunk);
  const image = Buffer.concat(chunks);
  expect(image.length).toBe(layout.imageBytes);
  expect(image.subarray(0, 96)).toEqual(layout.superblock);
  const at = layout.contents.at(-1)?.offset ?? 0;
  expect(image.subarray(at, at + program.length).equals(program)).toBe(true);
  expect(image.subarray(101, at).every((byte) => byte === 0)).toBe(true);
  expect(image.subarray(layout.tablesOffset, layout.tablesOffset + layout.tables.length)).toEqual(layout.tables);
});

test("a content of another length than was said is not written in silence", async () => {
  const layout = layoutSquashfs(tree(), OPTIONS);
  const short = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(299_999);
  };
  const read = async (): Promise<void> => {
    for await (const chunk of squashfsChunks(layout, short)) expect(chunk).toBeInstanceOf(Uint8Array);
  };
  await expect(read()).rejects.toThrowError("AppRun gave 299999 of 300000 bytes");
});
