import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { rangeOfBytes } from "../../../build/formats/byte-range.ts";
import {
  type CompoundEntry,
  type CompoundFile,
  isCompoundFile,
  readCompoundFile,
  readStream,
} from "../../../build/formats/compound-file.ts";
import { ErthError } from "../../../runtime/base/errors.ts";
import { compoundFile, type Storage } from "../../support/compound-files.ts";

/** Names with the digests of what they hold. */
interface Digests {
  readonly [name: string]: string | Digests;
}

const digest = (bytes: Uint8Array): string => `${bytes.length} ${createHash("sha256").update(bytes).digest("hex")}`;

function digestsOf(storage: Storage): Digests {
  return Object.fromEntries(
    Object.entries(storage).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? digest(value) : digestsOf(value),
    ]),
  );
}

const read = (bytes: Uint8Array): Promise<CompoundFile> => readCompoundFile(rangeOfBytes(bytes));

async function readDigests(file: CompoundFile, entry: CompoundEntry = file.root): Promise<Digests> {
  const digests: [string, string | Digests][] = [];
  for (const child of entry.children) {
    const isStorage = child.kind === "storage";
    digests.push([
      child.name,
      isStorage ? await readDigests(file, child) : digest(await readStream(file, child, 1 << 24)),
    ]);
  }
  return Object.fromEntries(digests);
}

/** The code of the error; undefined for a file that can be read, streams and all. Anything but an `ErthError` is a bug. */
async function faultOf(bytes: Uint8Array): Promise<string | undefined> {
  try {
    await readDigests(await read(bytes));
    return undefined;
  } catch (error) {
    if (error instanceof ErthError) return error.code;
    throw error;
  }
}

const EXAMPLE: Storage = {
  small: Buffer.from("a small stream"),
  empty: new Uint8Array(),
  "exactly a mini sector": Buffer.alloc(64, 1),
  big: Buffer.alloc(4096, 2),
  bigger: Buffer.alloc(70_001, 3),
  folder: { inner: Buffer.alloc(100, 4), deeper: { "\u0005odd": Buffer.alloc(5000, 5) } },
};

test.for([512, 4096] as const)("what was written in sectors of %i bytes comes back", async (sectorBytes) => {
  const bytes = await compoundFile(EXAMPLE, { sectorBytes });
  expect(isCompoundFile(bytes)).toBe(true);
  const file = await read(bytes);
  expect(file).toMatchObject({ sectorBytes, usedBytes: bytes.length, lostSectors: 0 });
  expect(await readDigests(file)).toEqual(digestsOf(EXAMPLE));
});

test("a file whose FAT does not fit into its header comes back", async () => {
  const content = { huge: Buffer.alloc(8 << 20, 9), small: Buffer.from("x") };
  const bytes = await compoundFile(content);
  // 109 sectors of FAT are what the header can list.
  expect(bytes.readUInt32LE(44)).toBeGreaterThan(109);
  expect(bytes.readUInt32LE(72)).toBe(1);
  expect(await readDigests(await read(bytes))).toEqual(digestsOf(content));
});

test("siblings are in the order that readers search by: shorter names first", async () => {
  const file = await read(
    await compoundFile({ bb: Buffer.of(1), a: Buffer.of(1), B: Buffer.of(1), aaa: Buffer.of(1) }),
  );
  expect(file.root.children.map(({ name }) => name)).toEqual(["a", "B", "bb", "aaa"]);
});

test("any tree comes back as it was", async () => {
  const name = fc.string({ minLength: 1, maxLength: 31 }).filter((text) => text.isWellFormed());
  const stream = fc.integer({ min: 0, max: 9000 }).map((length) => Buffer.alloc(length, length % 251));
  const { tree } = fc.letrec<{ tree: Storage; value: Uint8Array | Storage }>((tie) => ({
    tree: fc.dictionary(name, tie("value"), { maxKeys: 6, noNullPrototype: true }),
    value: fc.oneof({ depthSize: "small" }, stream, tie("tree")),
  }));
  await fc.assert(
    fc.asyncProperty(tree, fc.constantFrom(512 as const, 4096 as const), async (content, sectorBytes) => {
      const file = await read(await compoundFile(content, { sectorBytes }));
      expect(await readDigests(file)).toEqual(digestsOf(content));
    }),
    { numRuns: 60 },
  );
});

test("every truncated file is refused", async () => {
  const bytes = await compoundFile({
    a: Buffer.alloc(900, 1),
    b: Buffer.alloc(4200, 2),
    c: { d: Buffer.alloc(70, 3) },
  });
  const readable: number[] = [];
  for (let length = 0; length < bytes.length; length += 1) {
    if ((await faultOf(bytes.subarray(0, length))) === undefined) readable.push(length);
  }
  // The FAT is the last sector: cut off, nothing can be followed.
  expect(readable).toEqual([]);
});

test("damage is refused or leaves a file that can be read, and never ends in a loop or a crash", async () => {
  const bytes = await compoundFile(EXAMPLE);
  const place = fc.integer({ min: 0, max: bytes.length - 1 });
  const special = fc.constantFrom(0, 1, 2, 0xff, 0xfe, 0xfffffffe, 0xffffffff, 0xfffffffa);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(place, special), { minLength: 1, maxLength: 4 }), async (changes) => {
      const damaged = Buffer.from(bytes);
      for (const [at, value] of changes) {
        if (value > 0xff && at + 4 <= damaged.length) damaged.writeUInt32LE(value, at);
        else damaged[at] = value & 0xff;
      }
      const fault = await faultOf(damaged);
      expect(fault === undefined || fault === "COMPOUND_DAMAGED").toBe(true);
    }),
    { numRuns: 400 },
  );
});

/** Offset of the FAT's entry for a sector, and of a directory entry's field, by the header. */
const sectorAt = (bytes: Buffer, sector: number): number => (sector + 1) * (1 << bytes.readUInt16LE(30));
const fatEntry = (bytes: Buffer, sector: number): number => sectorAt(bytes, bytes.readUInt32LE(76)) + sector * 4;
const directoryEntry = (bytes: Buffer, index: number): number => sectorAt(bytes, bytes.readUInt32LE(48)) + index * 128;

test.each<readonly [string, (bytes: Buffer) => void, RegExp]>([
  ["a chain that ends in itself", (bytes) => bytes.writeUInt32LE(0, fatEntry(bytes, 0)), /runs into sector 0/],
  ["a chain that leaves the file", (bytes) => bytes.writeUInt32LE(4000, fatEntry(bytes, 0)), /leads to sector 4000/],
  ["a stream that is longer than its chain", (bytes) => setSize(bytes, "big", 9999), /"big" has 9999 bytes in/],
  ["a sibling that is its own", (bytes) => link(bytes, 68, 1), /leads to entry 1 twice/],
  ["a sibling that is not there", (bytes) => link(bytes, 68, 999), /leads to entry 999/],
  ["a root among the siblings", (bytes) => link(bytes, 68, 0), /leads to entry 0/],
  ["an unknown kind of entry", (bytes) => void bytes.writeUInt8(9, directoryEntry(bytes, 1) + 66), /of type 9/],
  ["a name of odd length", (bytes) => void bytes.writeUInt16LE(7, directoryEntry(bytes, 1) + 64), /has 7 bytes/],
  ["two streams in the same sectors", (bytes) => share(bytes), /which is taken/],
  ["a big-endian mark", (bytes) => void bytes.writeUInt16LE(0xfeff, 28), /byte order/],
  ["an unknown version", (bytes) => void bytes.writeUInt16LE(5, 26), /version is 5/],
  ["more FAT than file", (bytes) => void bytes.writeUInt32LE(0x7fffffff, 44), /FAT has 2147483647 sectors/],
])("%s is refused by name", async (_, change, expected) => {
  const bytes = await compoundFile(EXAMPLE);
  change(bytes);
  await expect(read(bytes)).rejects.toThrow(expected);
});

function entryNamed(bytes: Buffer, name: string): number {
  for (let index = 0; ; index += 1) {
    const at = directoryEntry(bytes, index);
    const length = bytes.readUInt16LE(at + 64);
    if (bytes.toString("utf16le", at, at + length - 2) === name) return at;
  }
}

function setSize(bytes: Buffer, name: string, size: number): void {
  bytes.writeUInt32LE(size, entryNamed(bytes, name) + 120);
}

/** Of the first sibling, which has none on its left. */
function link(bytes: Buffer, field: number, index: number): void {
  bytes.writeUInt32LE(index, directoryEntry(bytes, 1) + field);
}

function share(bytes: Buffer): void {
  const first = (name: string): number => bytes.readUInt32LE(entryNamed(bytes, name) + 116);
  bytes.writeUInt32LE(first("big"), fatEntry(bytes, first("bigger")));
}
