/**
 * An HFS Plus volume that is written once and only read afterwards: Technical
 * Note TN1150. Everything is contiguous and no block is free, so that the
 * extents-overflow and attributes trees stay empty:
 *
 *   block 0    boot blocks, volume header
 *   …          allocation bitmap, extents overflow, attributes, catalog
 *   …          contents, each from a block's start, in the order of the items
 *   last       alternate volume header
 *
 * The volume is planned in memory without its contents, which may be larger.
 */
import { createHash } from "node:crypto";
import { ErthError, ProblemsError, type Problem } from "../../runtime/base/errors.ts";
import { encodeBTree, type BTreeRecord, type BTreeShape } from "./hfs-plus-btree.ts";
import { compareHfsPlusNames, hfsPlusName, MAX_NAME_UNITS, nameKey } from "./hfs-plus-names.ts";
import {
  encodeCatalogKey,
  encodeFile,
  encodeFolder,
  encodeFork,
  encodeThread,
  FIRST_USER_CNID,
  FORK_BYTES,
  hfsPlusDate,
  ROOT_CNID,
  ROOT_PARENT_CNID,
  type Fork,
} from "./hfs-plus-records.ts";

/** Paths are "/" separated and relative to the volume; every folder is an item of its own. */
export type HfsPlusItem =
  | { readonly kind: "folder"; readonly path: string; readonly finderFlags?: number }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  | {
      readonly kind: "file";
      readonly path: string;
      readonly bytes: number;
      readonly isExecutable: boolean;
      readonly finderFlags?: number;
    };

export interface HfsPlusVolume {
  readonly name: string;
  /** Of the volume and of all that is in it. */
  readonly date: Date;
  readonly items: readonly HfsPlusItem[];
  /** `FINDER_FLAG`s of the volume itself. */
  readonly finderFlags: number;
}

export interface PlacedContent {
  /** A file, or a link whose target is its content. Never an empty one. */
  readonly item: HfsPlusItem;
  readonly offset: number;
  readonly bytes: number;
}

export interface HfsPlusImage {
  /** All of it; whole blocks. */
  readonly bytes: number;
  /** From offset 0. */
  readonly head: Uint8Array;
  /** By offset, one behind the other; zeros up to the next block's start. */
  readonly contents: readonly PlacedContent[];
  /** Up to the end. */
  readonly tail: Uint8Array;
}

export const BLOCK_BYTES = 4096;
const HEADER_OFFSET = 1024;
const HEADER_BYTES = 512;
const MAX_BLOCKS = 0xffffffff;
const CATALOG: BTreeShape = {
  nodeBytes: 8192,
  maxKeyBytes: 516,
  keyCompareType: 0xcf,
  hasVariableIndexKeys: true,
};
const EXTENTS: BTreeShape = { nodeBytes: 4096, maxKeyBytes: 10, keyCompareType: 0, hasVariableIndexKeys: false };
const ATTRIBUTES: BTreeShape = { nodeBytes: 8192, maxKeyBytes: 266, keyCompareType: 0, hasVariableIndexKeys: true };

const MODE = { folder: 0o040755, file: 0o100644, executable: 0o100755, link: 0o120755 } as const;
const LINK_TYPE = { type: "slnk", creator: "rhap" } as const;
const NO_TYPE = { type: "\0\0\0\0", creator: "\0\0\0\0" } as const;

/** The catalog node ID that the item at this place of the list gets. */
export function cnidOf(index: number): number {
  return FIRST_USER_CNID + index;
}

/**
 * Plans a volume. Throws all that its names are in the way of (`DMG_NAME`,
 * `DMG_NAME_CLASH`) at once, or `DMG_TOO_LARGE`.
 */
export function planHfsPlus(volume: HfsPlusVolume): HfsPlusImage {
  const entries = namedEntries(volume.items);

  // 1. Sizes that depend on nothing but names and numbers.
  const contentBlocks = entries.reduce((sum, { contentBytes }) => sum + blocksOf(contentBytes), 0);
  assertCountable(contentBlocks);
  const extents = encodeBTree(EXTENTS, []);
  const attributes = encodeBTree(ATTRIBUTES, []);
  const catalogBytes = encodeCatalog(volume, entries, 0).length;
  const fixedBlocks = 2 + blocksOf(extents.length) + blocksOf(attributes.length) + blocksOf(catalogBytes);
  const totalBlocks = withBitmap(fixedBlocks + contentBlocks);
  assertCountable(totalBlocks);

  // 2. One place after the other.
  let nextBlock = 1;
  const place = (bytes: number, clumpBytes = bytes): Fork => {
    const fork = { bytes, clumpBytes, startBlock: nextBlock, blocks: blocksOf(bytes) };
    nextBlock += fork.blocks;
    return fork;
  };
  const bitmapFork = place(blocksOf(Math.ceil(totalBlocks / 8)) * BLOCK_BYTES);
  const extentsFork = place(extents.length);
  const attributesFork = place(attributes.length);
  const catalogFork = place(catalogBytes);
  const firstContentBlock = nextBlock;
  const catalog = encodeCatalog(volume, entries, firstContentBlock);

  // 3. The volume header, twice.
  const header = encodeVolumeHeader({
    date: hfsPlusDate(volume.date),
    files: volume.items.filter(({ kind }) => kind !== "folder").length,
    folders: volume.items.filter(({ kind }) => kind === "folder").length,
    totalBlocks,
    nextCnid: cnidOf(volume.items.length),
    // Tells volumes apart; the same content gives the same.
    id: createHash("sha256").update(catalog).digest().subarray(0, 8),
    forks: [bitmapFork, extentsFork, catalogFork, attributesFork],
  });
  const head = Buffer.alloc(firstContentBlock * BLOCK_BYTES);
  head.set(header, HEADER_OFFSET);
  writeBitmap(head.subarray(bitmapFork.startBlock * BLOCK_BYTES), totalBlocks);
  head.set(extents, extentsFork.startBlock * BLOCK_BYTES);
  head.set(attributes, attributesFork.startBlock * BLOCK_BYTES);
  head.set(catalog, catalogFork.startBlock * BLOCK_BYTES);
  const tail = Buffer.alloc(BLOCK_BYTES);
  tail.set(header, BLOCK_BYTES - HEADER_OFFSET);

  let block = firstContentBlock;
  const contents: PlacedContent[] = [];
  for (const { item, contentBytes: bytes } of entries) {
    if (bytes > 0) contents.push({ item, offset: block * BLOCK_BYTES, bytes });
    block += blocksOf(bytes);
  }
  return { bytes: totalBlocks * BLOCK_BYTES, head, contents, tail };
}

function assertCountable(blocks: number): void {
  if (blocks <= MAX_BLOCKS) return;
  throw new ErthError({
    code: "DMG_TOO_LARGE",
    message: `the app needs ${blocks} blocks of ${BLOCK_BYTES} bytes; a disk image may have ${MAX_BLOCKS}.`,
    remedy: "leave large files out of the app, then erth package",
  });
}

function blocksOf(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES);
}

/** The bitmap names its own blocks too. */
function withBitmap(otherBlocks: number): number {
  let total = otherBlocks;
  let before: number;
  do {
    before = total;
    total = otherBlocks + blocksOf(Math.ceil(before / 8));
  } while (total !== before);
  return total;
}

function writeBitmap(bitmap: Buffer, totalBlocks: number): void {
  bitmap.fill(0xff, 0, totalBlocks >> 3);
  if (totalBlocks & 7) bitmap[totalBlocks >> 3] = (0xff00 >> (totalBlocks & 7)) & 0xff;
}

interface Entry {
  readonly item: HfsPlusItem;
  readonly cnid: number;
  readonly parentCnid: number;
  /** As the volume holds it. */
  readonly name: string;
  readonly contentBytes: number;
}

/** Items with parents and names; all names that do not fit, at once. */
function namedEntries(items: readonly HfsPlusItem[]): readonly Entry[] {
  const folders = new Map<string, number>([["", ROOT_CNID]]);
  for (const [at, { kind, path }] of items.entries()) if (kind === "folder") folders.set(path, cnidOf(at));
  const problems: Problem[] = [];
  const taken = new Map<string, string>();
  const entries = items.map((item, at): Entry => {
    const { path } = item;
    const slash = path.lastIndexOf("/");
    const parentCnid = folders.get(path.slice(0, Math.max(0, slash)));
    if (parentCnid === undefined) throw new Error(`the folder of ${path} is not among the items`);
    const name = hfsPlusName(path.slice(slash + 1));
    if (name === "" || name.length > MAX_NAME_UNITS) {
      problems.push({
        code: "DMG_NAME",
        message: `the name of ${path} has ${name.length} characters as macOS writes them; a disk image takes 1 to ${MAX_NAME_UNITS}.`,
        remedy: "shorten it, then erth package",
      });
    }
    const key = `${parentCnid} ${nameKey(name)}`;
    const other = taken.get(key);
    if (other !== undefined) {
      problems.push({
        code: "DMG_NAME_CLASH",
        message: `${other} and ${path} have one name to macOS, which ignores case and how accents are composed.`,
        remedy: "rename one of them, then erth package",
      });
    }
    taken.set(key, path);
    return { item, cnid: cnidOf(at), parentCnid, name, contentBytes: contentBytes(item) };
  });
  if (problems.length > 0) throw new ProblemsError(problems);
  return entries;
}

function contentBytes(item: HfsPlusItem): number {
  if (item.kind === "folder") return 0;
  return item.kind === "file" ? item.bytes : Buffer.byteLength(item.target);
}

interface KeyedRecord extends BTreeRecord {
  readonly parentCnid: number;
  readonly name: string;
}

/** Two records for each item, by parent and then name. */
function encodeCatalog(volume: HfsPlusVolume, entries: readonly Entry[], firstBlock: number): Buffer {
  const date = hfsPlusDate(volume.date);
  const valences = new Map<number, number>();
  for (const { parentCnid } of entries) valences.set(parentCnid, (valences.get(parentCnid) ?? 0) + 1);
  const records: KeyedRecord[] = [];
  const add = (parentCnid: number, name: string, data: Buffer): void => {
    records.push({ parentCnid, name, key: encodeCatalogKey(parentCnid, name), data });
  };
  const addFolder = (cnid: number, parentCnid: number, name: string, finderFlags: number): void => {
    const valence = valences.get(cnid) ?? 0;
    add(parentCnid, name, encodeFolder({ cnid, date, mode: MODE.folder, finderFlags, valence }));
    add(cnid, "", encodeThread("folder", parentCnid, name));
  };

  addFolder(ROOT_CNID, ROOT_PARENT_CNID, hfsPlusName(volume.name), volume.finderFlags);
  let startBlock = firstBlock;
  for (const { item, cnid, parentCnid, name, contentBytes: bytes } of entries) {
    if (item.kind === "folder") {
      addFolder(cnid, parentCnid, name, item.finderFlags ?? 0);
      continue;
    }
    const dataFork = { bytes, startBlock, blocks: blocksOf(bytes) };
    startBlock += dataFork.blocks;
    const isLink = item.kind === "link";
    const mode = isLink ? MODE.link : item.isExecutable ? MODE.executable : MODE.file;
    const finderFlags = isLink ? 0 : (item.finderFlags ?? 0);
    add(parentCnid, name, encodeFile({ cnid, date, mode, finderFlags, dataFork, ...(isLink ? LINK_TYPE : NO_TYPE) }));
    add(cnid, "", encodeThread("file", parentCnid, name));
  }
  records.sort((a, b) => a.parentCnid - b.parentCnid || compareHfsPlusNames(a.name, b.name));
  return encodeBTree(CATALOG, records);
}

interface VolumeHeader {
  readonly date: number;
  readonly files: number;
  readonly folders: number;
  readonly totalBlocks: number;
  readonly nextCnid: number;
  /** Eight bytes. */
  readonly id: Buffer;
  /** Allocation bitmap, extents overflow, catalog, attributes. */
  readonly forks: readonly Fork[];
}

const SIGNATURE = "H+";
const VERSION = 4;
/** Unmounted, and unused nodes are zero. */
const VOLUME_ATTRIBUTES = 0x8000_0100;
const LAST_MOUNTED_BY = "10.0";
const CLUMP_BYTES = 65_536;
/** Only MacRoman, number 0, is named as a hint in the records. */
const ENCODINGS = 1n;

function encodeVolumeHeader({ date, files, folders, totalBlocks, nextCnid, id, forks }: VolumeHeader): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(SIGNATURE, 0, "latin1");
  header.writeUInt16BE(VERSION, 2);
  header.writeUInt32BE(VOLUME_ATTRIBUTES, 4);
  header.write(LAST_MOUNTED_BY, 8, "latin1");
  // Created, modified, and behind the backup that was never made, checked.
  for (const at of [16, 20, 28]) header.writeUInt32BE(date, at);
  header.writeUInt32BE(files, 32);
  header.writeUInt32BE(folders, 36);
  header.writeUInt32BE(BLOCK_BYTES, 40);
  header.writeUInt32BE(totalBlocks, 44);
  header.writeUInt32BE(totalBlocks - 1, 52);
  header.writeUInt32BE(CLUMP_BYTES, 56);
  header.writeUInt32BE(CLUMP_BYTES, 60);
  header.writeUInt32BE(nextCnid, 64);
  header.writeUInt32BE(1, 68);
  header.writeBigUInt64BE(ENCODINGS, 72);
  // The Finder opens this folder's window when the volume is mounted.
  header.writeUInt32BE(ROOT_CNID, 88);
  id.copy(header, 104);
  for (const [at, fork] of forks.entries()) encodeFork(fork).copy(header, 112 + at * FORK_BYTES);
  return header;
}
