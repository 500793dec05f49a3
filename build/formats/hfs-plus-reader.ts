/**
 * Reads an HFS Plus volume, ours or anybody's: Technical Note TN1150. The
 * catalog's leaf nodes are followed from left to right, so nothing depends on
 * the order of names; paths come from the parents, which must lead to the root.
 * Hard links and compressed files, which only a Mac makes, are not resolved.
 * The bytes are untrusted: sizes are bounded, chains are followed once.
 */
import { ErthError } from "../../runtime/base/errors.ts";
import { boundedView, type BoundedView } from "./bounded-view.ts";
import type { ByteRange } from "./byte-range.ts";

export interface HfsPlusEntry {
  /** Relative to the volume, "/" separated, names composed as on disk; a "/" in a name is a ":". */
  readonly path: string;
  readonly kind: "file" | "folder" | "link";
  readonly cnid: number;
  /** Unix permissions. */
  readonly mode: number;
  readonly finderFlags: number;
  /** Of the data fork; a link's target. */
  readonly bytes: number;
}

export interface OpenHfsPlus {
  readonly name: string;
  readonly entries: readonly HfsPlusEntry[];
  /** Flags of the volume's root, such as that it has an icon of its own. */
  readonly rootFinderFlags: number;
  /** A file's data fork, streamed. */
  readonly content: (entry: HfsPlusEntry) => AsyncGenerator<Uint8Array>;
  /** A link's target. Throws `DMG_DAMAGED` where it is longer than any path. */
  readonly linkTarget: (entry: HfsPlusEntry) => Promise<string>;
}

interface Extent {
  readonly start: number;
  readonly count: number;
}

interface Fork {
  readonly bytes: number;
  readonly blocks: number;
  readonly extents: readonly Extent[];
}

interface Item {
  readonly parent: number;
  readonly name: string;
  readonly isFolder: boolean;
  readonly cnid: number;
  readonly mode: number;
  readonly finderFlags: number;
  readonly fork: Fork;
}

const HFS_PLUS = 0x482b;
/** Case counts. */
const HFSX = 0x4858;
const HEADER_OFFSET = 1024;
const HEADER_BYTES = 512;
const CHUNK_BYTES = 1 << 20;
const MAX_TREE_BYTES = 512 << 20;
const MAX_ENTRIES = 1_000_000;
const MAX_DEPTH = 256;
const MAX_LINK_BYTES = 4096;
const ROOT_PARENT = 1;
const ROOT = 2;
const EXTENTS_FILE = 3;
const CATALOG_FILE = 4;
const OVERFLOW_KEY = "a key of the extents-overflow file";
const DATA_FORK = 0;
const LEAF = 0xff;
const TYPE_MASK = 0o170000;
const LINK_TYPE = 0o120000;
/** Where a Mac keeps the files behind hard links; no one sees them. */
const PRIVATE_FOLDERS: readonly string[] = ["\0\0\0\0HFS+ Private Data", ".HFS+ Private Directory Data\r"];

/** Reads the whole catalog. Throws `DMG_DAMAGED`. */
export async function openHfsPlus(volume: ByteRange): Promise<OpenHfsPlus> {
  // 1. The volume header.
  if (volume.size < HEADER_OFFSET + HEADER_BYTES) throw damaged("its volume has no header");
  const what = "the volume header";
  const header = boundedView(await volume.read(HEADER_OFFSET, HEADER_BYTES), "big", damaged);
  const signature = header.u16(0, what);
  if (signature !== HFS_PLUS && signature !== HFSX) throw damaged("its volume is not HFS Plus");
  const blockBytes = header.u32(40, what);
  const totalBlocks = header.u32(44, what);
  const isPowerOfTwo = blockBytes >= 512 && blockBytes <= 1 << 24 && (blockBytes & (blockBytes - 1)) === 0;
  if (!isPowerOfTwo || totalBlocks * blockBytes > volume.size) {
    throw damaged(`its volume says it has ${totalBlocks} blocks of ${blockBytes} bytes, and has ${volume.size} bytes`);
  }
  const disk: Disk = { volume, blockBytes, totalBlocks };

  // 2. Extents beyond the eighth, by file.
  const extentsFork = forkAt(header, 192, what);
  const overflow = new Map<string, Extent[]>();
  if (extentsFork.bytes > 0) {
    for await (const record of leafRecords(disk, extentsFork, "the extents-overflow file")) {
      const { key, data } = record;
      const owner = `${key.u8(2, OVERFLOW_KEY)} ${key.u32(4, OVERFLOW_KEY)}`;
      overflow.set(owner, [...(overflow.get(owner) ?? []), ...extentsAt(data, 0, "its extents")]);
    }
  }
  const whole = (fork: Fork, cnid: number): Fork => {
    const covered = fork.extents.reduce((sum, { count }) => sum + count, 0);
    const more = covered < fork.blocks ? (overflow.get(`${DATA_FORK} ${cnid}`) ?? []) : [];
    return { ...fork, extents: [...fork.extents, ...more] };
  };
  if (overflow.has(`${DATA_FORK} ${EXTENTS_FILE}`)) throw damaged("the extents-overflow file overflows into itself");

  // 3. The catalog: folders and files, whose thread records say the same again.
  const items: Item[] = [];
  const catalog = whole(forkAt(header, 272, what), CATALOG_FILE);
  for await (const { key, data } of leafRecords(disk, catalog, "the catalog")) {
    const item = itemOf(key, data);
    if (item === undefined) continue;
    if (items.push({ ...item, fork: whole(item.fork, item.cnid) }) > MAX_ENTRIES) {
      throw damaged(`its volume has more than ${MAX_ENTRIES} items`);
    }
  }
  const contentBytes = items.reduce((sum, { fork }) => sum + fork.bytes, 0);
  if (contentBytes > volume.size) throw damaged(`its files have ${contentBytes} bytes, more than its volume`);
  const root = items.find(({ parent, cnid }) => parent === ROOT_PARENT && cnid === ROOT);
  if (root === undefined) throw damaged("its volume has no root folder");

  // 4. Paths, from the root down.
  const placed = new Map<HfsPlusEntry, Item>();
  for (const [path, item] of pathsOf(items)) {
    const kind = item.isFolder ? "folder" : (item.mode & TYPE_MASK) === LINK_TYPE ? "link" : "file";
    const { cnid, finderFlags, fork } = item;
    placed.set({ path, kind, cnid, mode: item.mode & 0o7777, finderFlags, bytes: fork.bytes }, item);
  }
  const forkOf = (entry: HfsPlusEntry): Fork => {
    const item = placed.get(entry);
    if (item === undefined || item.isFolder) throw new Error(`${entry.path} is no file of this volume`);
    return item.fork;
  };
  return {
    name: root.name.replaceAll("/", ":"),
    rootFinderFlags: root.finderFlags,
    entries: [...placed.keys()],
    content: (entry) => forkChunks(disk, forkOf(entry), entry.path),
    async linkTarget(entry) {
      if (entry.bytes > MAX_LINK_BYTES) throw damaged(`the link ${entry.path} has ${entry.bytes} bytes`);
      const chunks: Uint8Array[] = [];
      for await (const chunk of forkChunks(disk, forkOf(entry), entry.path)) chunks.push(chunk);
      const target = Buffer.concat(chunks).toString("utf8");
      if (target === "" || target.includes("\0")) throw damaged(`the link ${entry.path} leads nowhere`);
      return target;
    },
  };
}

function itemOf(key: BoundedView, data: BoundedView): Item | undefined {
  const what = "a record of the catalog";
  const type = data.u16(0, what);
  const isFolder = type === 1;
  if (!isFolder && type !== 2) return undefined;
  const name = key.bytes(8, 2 * key.u16(6, what), what);
  return {
    parent: key.u32(2, what),
    name: Buffer.from(name).swap16().toString("utf16le"),
    isFolder,
    cnid: data.u32(8, what),
    mode: data.u16(42, what),
    finderFlags: data.u16(56, what),
    fork: isFolder ? { bytes: 0, blocks: 0, extents: [] } : forkAt(data, 88, what),
  };
}

/** Every item below the root with its path. An item that the root does not lead to is a fault. */
function* pathsOf(items: readonly Item[]): Generator<readonly [path: string, item: Item]> {
  const children = Map.groupBy(items, ({ parent }) => parent);
  const seen = new Set<number>([ROOT]);
  const open = [{ cnid: ROOT, path: "", depth: 0, isPrivate: false }];
  for (let folder = open.shift(); folder; folder = open.shift()) {
    if (folder.depth > MAX_DEPTH) throw damaged(`its folders are deeper than ${MAX_DEPTH}`);
    const names = new Set<string>();
    for (const item of children.get(folder.cnid) ?? []) {
      const name = item.name.replaceAll("/", ":");
      const isPrivate = folder.isPrivate || (folder.cnid === ROOT && PRIVATE_FOLDERS.includes(item.name));
      const isName = isPrivate || !(name === "" || name === "." || name === ".." || name.includes("\0"));
      if (!isName || names.has(name)) {
        throw damaged(`an item in "${folder.path}" has the name ${JSON.stringify(name)}`);
      }
      if (seen.has(item.cnid)) throw damaged(`its catalog has the item ${item.cnid} twice`);
      names.add(name);
      seen.add(item.cnid);
      const path = folder.path === "" ? name : `${folder.path}/${name}`;
      if (!isPrivate) yield [path, item];
      if (item.isFolder) open.push({ cnid: item.cnid, path, depth: folder.depth + 1, isPrivate });
    }
  }
  if (seen.size !== items.length) throw damaged(`${items.length - seen.size} of its items are in no folder`);
}

interface Disk {
  readonly volume: ByteRange;
  readonly blockBytes: number;
  readonly totalBlocks: number;
}

function forkAt(fields: BoundedView, at: number, what: string): Fork {
  return { bytes: fields.u64(at, what), blocks: fields.u32(at + 12, what), extents: extentsAt(fields, at + 16, what) };
}

function extentsAt(fields: BoundedView, at: number, what: string): readonly Extent[] {
  return Array.from({ length: 8 }, (_, number) => ({
    start: fields.u32(at + 8 * number, what),
    count: fields.u32(at + 8 * number + 4, what),
  })).filter(({ count }) => count > 0);
}

/** The bytes of a fork, block run after block run. */
async function* forkChunks(disk: Disk, fork: Fork, what: string): AsyncGenerator<Uint8Array> {
  const { volume, blockBytes, totalBlocks } = disk;
  let left = fork.bytes;
  for (const { start, count } of fork.extents) {
    if (start + count > totalBlocks) throw damaged(`${what} lies outside the volume`);
    const length = Math.min(left, count * blockBytes);
    for (let at = 0; at < length; at += CHUNK_BYTES) {
      yield await volume.read(start * blockBytes + at, Math.min(CHUNK_BYTES, length - at));
    }
    left -= length;
    if (left === 0) return;
  }
  if (left > 0) throw damaged(`${what} is ${left} bytes shorter than it says`);
}

interface LeafRecord {
  /** With its length. */
  readonly key: BoundedView;
  readonly data: BoundedView;
}

/** The records of a B-tree file's leaves, from the first leaf on. */
async function* leafRecords(disk: Disk, fork: Fork, what: string): AsyncGenerator<LeafRecord> {
  if (fork.bytes > MAX_TREE_BYTES || fork.bytes > disk.volume.size) throw damaged(`${what} has ${fork.bytes} bytes`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of forkChunks(disk, fork, what)) chunks.push(chunk);
  const file = Buffer.concat(chunks);
  const header = boundedView(file, "big", damaged);
  const nodeBytes = header.u16(32, what);
  if (nodeBytes < 512 || (nodeBytes & (nodeBytes - 1)) !== 0) throw damaged(`${what} has nodes of ${nodeBytes} bytes`);
  let left = Math.floor(file.length / nodeBytes);
  for (let number = header.u32(24, what); number !== 0; left -= 1) {
    if (left <= 0 || (number + 1) * nodeBytes > file.length) {
      throw damaged(`the leaves of ${what} lead in a circle or out of it`);
    }
    const node = boundedView(file.subarray(number * nodeBytes, (number + 1) * nodeBytes), "big", damaged);
    if (node.u8(8, what) !== LEAF) throw damaged(`node ${number} of ${what} is no leaf`);
    const count = node.u16(10, what);
    for (let at = 0; at < count; at += 1) {
      const from = node.u16(nodeBytes - 2 * (at + 1), what);
      const to = node.u16(nodeBytes - 2 * (at + 2), what);
      const record = boundedView(node.bytes(from, to - from, what), "big", damaged);
      const keyBytes = 2 + record.u16(0, what);
      yield {
        key: boundedView(record.bytes(0, keyBytes, what), "big", damaged),
        data: boundedView(record.bytes(keyBytes, record.length - keyBytes, what), "big", damaged),
      };
    }
    number = node.u32(0, what);
  }
}

function damaged(what: string): ErthError {
  return new ErthError({
    code: "DMG_DAMAGED",
    message: `The disk image is damaged: ${what}.`,
    remedy: "make it again: erth package --format dmg",
  });
}
