/**
 * A Bom ("bill of materials"): the list of all that a package installs, which
 * Installer keeps as its receipt. Apple documents no more than lsbom(8); the
 * layout follows what the open readers and writers of it agree on (bomutils,
 * stuckliste): a store of numbered blocks, five of them named, and B+ trees of
 * block numbers. Big endian.
 *
 * Every file counts as one without an architecture, as with bomutils: the sum
 * by CPU type that Apple's own tools add is read by `lsbom --arch` alone.
 */

export type BomKind = "file" | "folder" | "link";

export interface BomEntry {
  /** `.` for the root, then `./Notes.app`: parents before what is in them. */
  readonly path: string;
  readonly kind: BomKind;
  /** With the file type. */
  readonly mode: number;
  /** Seconds since 1970. */
  readonly modifiedAt: number;
  readonly bytes: number;
  /** POSIX `cksum` of a file's content or a link's target; 0 for a folder. */
  readonly checksum: number;
  /** Target of a link. */
  readonly link?: string;
}

export const BOM_MAGIC = "BOMStore";
export const BOM_VERSION = 1;
const HEADER_BYTES = 512;
export const BOM_KINDS: Readonly<Record<BomKind, number>> = { file: 1, folder: 2, link: 3 };

/** Flags of a path: all that follows is there; only the root has but its place. */
const FLAGS = 0x000f;
const ROOT_FLAGS = 0x0001;
const PATH_BYTES = 31;
/** Behind the record come zeros, as mkbom writes them. */
const RESERVED_BYTES: Readonly<Record<BomKind, number>> = { file: 4, folder: 0, link: 8 };

const BOM_TREE_BYTES = 21;
const TREE_BLOCK_BYTES = 4096;
const SMALL_TREE_BLOCK_BYTES = 128;
const NODE_HEADER_BYTES = 12;
const MAX_NODE_ENTRIES = 256;
const MAX_32 = 0xffffffff;

/** The bytes of a Bom. The size of what it lists must be known: memory is some 100 bytes a path. */
export function encodeBom(entries: readonly BomEntry[]): Buffer {
  const store = blockStore();
  const numbered = entries.map((entry, at) => ({ ...entry, id: at + 1 }));
  const ids = new Map(numbered.map(({ path, id }) => [path, id]));
  const paths = numbered.map((entry) => {
    const cut = entry.path.lastIndexOf("/");
    const parent = cut < 0 ? 0 : ids.get(entry.path.slice(0, cut));
    if (parent === undefined) throw new Error(`${entry.path} comes before its folder`);
    return { ...entry, parent, name: entry.path.slice(cut + 1) };
  });
  // The tree is searched by parent, then by name in the decomposed form that HFS+ had.
  paths.sort((a, b) => a.parent - b.parent || Buffer.compare(sortKey(a.name), sortKey(b.name)));

  const info = store.add(bomInfo(entries));
  const large: TreePair[] = [];
  const pairs = paths.map((path): TreePair => {
    const metadata = store.add(pathInfo(path));
    if (path.bytes > MAX_32) large.push({ value: store.add(uint64(path.bytes)), key: store.add(uint32s(metadata)) });
    const key = store.add(Buffer.concat([uint32s(path.parent), Buffer.from(`${path.name}\0`)]));
    return { value: store.add(uint32s(path.id, metadata)), key };
  });
  const vIndexTree = addTree(store, [], SMALL_TREE_BLOCK_BYTES);
  return store.encode({
    BomInfo: info,
    Paths: addTree(store, pairs, TREE_BLOCK_BYTES),
    HLIndex: addTree(store, [], TREE_BLOCK_BYTES),
    VIndex: store.add(Buffer.concat([uint32s(1, vIndexTree, 0), Buffer.alloc(1)])),
    Size64: addTree(store, large, SMALL_TREE_BLOCK_BYTES),
  });
}

function sortKey(name: string): Buffer {
  return Buffer.from(name.normalize("NFD"));
}

/** Version, number of paths and one more, then the sum of sizes of one architecture: none. */
function bomInfo(entries: readonly BomEntry[]): Buffer {
  const bytes = entries.reduce((sum, { path, bytes: size }) => sum + (path === "." ? 0 : size), 0);
  return uint32s(1, entries.length + 1, 1, 0, 0, bytes % (MAX_32 + 1), 0);
}

/** What is known of a path. Of the root nothing is: it is the user's own folder, whose mode is not ours to change. */
function pathInfo({ path, kind, mode, modifiedAt, bytes, checksum, link }: BomEntry): Buffer {
  const isRoot = path === ".";
  const target = link === undefined ? Buffer.alloc(0) : Buffer.from(`${link}\0`);
  const record = Buffer.alloc(PATH_BYTES + target.length + RESERVED_BYTES[kind]);
  record.writeUInt8(BOM_KINDS[kind], 0);
  record.writeUInt8(1, 1);
  record.writeUInt16BE(isRoot ? ROOT_FLAGS : FLAGS, 2);
  // Owner and group, behind the mode, are root and wheel: zeros.
  record.writeUInt16BE(isRoot ? 0 : mode, 4);
  record.writeUInt32BE(isRoot ? 0 : modifiedAt, 14);
  record.writeUInt32BE(isRoot ? 0 : bytes % (MAX_32 + 1), 18);
  record.writeUInt8(1, 22);
  record.writeUInt32BE(isRoot ? 0 : checksum, 23);
  record.writeUInt32BE(target.length, 27);
  target.copy(record, PATH_BYTES);
  return record;
}

/** Block numbers. */
interface TreePair {
  readonly value: number;
  readonly key: number;
}

/** A B+ tree over pairs in the order of their keys; returns the number of its head. */
function addTree(store: BlockStore, pairs: readonly TreePair[], blockBytes: number): number {
  const most = Math.min(MAX_NODE_ENTRIES, Math.floor((blockBytes - NODE_HEADER_BYTES) / 8));
  const groups = pairs.length === 0 ? [[]] : chunks(pairs, most);
  const first = store.next;
  const leaves = groups.map((group, at) => {
    const next = at + 1 < groups.length ? first + at + 1 : 0;
    const previous = at > 0 ? first + at - 1 : 0;
    return { node: store.add(encodeNode(true, group, next, previous, blockBytes)), key: group.at(-1)?.key ?? 0 };
  });
  let level = leaves;
  while (level.length > 1) {
    level = chunks(level, most).map((group) => {
      const children = group.map(({ node, key }) => ({ value: node, key }));
      return { node: store.add(encodeNode(false, children, 0, 0, blockBytes)), key: group.at(-1)?.key ?? 0 };
    });
  }
  const head = Buffer.alloc(BOM_TREE_BYTES);
  head.write("tree", 0, "latin1");
  uint32s(1, level[0]?.node ?? 0, blockBytes, pairs.length).copy(head, 4);
  return store.add(head);
}

function encodeNode(
  isLeaf: boolean,
  pairs: readonly TreePair[],
  next: number,
  previous: number,
  blockBytes: number,
): Buffer {
  const node = Buffer.alloc(blockBytes);
  node.writeUInt16BE(isLeaf ? 1 : 0, 0);
  node.writeUInt16BE(pairs.length, 2);
  uint32s(next, previous, ...pairs.flatMap(({ value, key }) => [value, key])).copy(node, 4);
  return node;
}

interface BlockStore {
  /** The number that the next block gets. */
  readonly next: number;
  add(block: Buffer): number;
  encode(names: Readonly<Record<string, number>>): Buffer;
}

function blockStore(): BlockStore {
  // Number 0 is no block.
  const blocks: Buffer[] = [Buffer.alloc(0)];
  return {
    get next() {
      return blocks.length;
    },
    add(block) {
      blocks.push(block);
      return blocks.length - 1;
    },
    encode(names) {
      // Behind the index comes the list of free blocks: none, and room for two.
      const table = Buffer.alloc(4 + blocks.length * 8 + 20);
      table.writeUInt32BE(blocks.length, 0);
      let offset = HEADER_BYTES;
      for (const [number, { length }] of blocks.entries()) {
        table.writeUInt32BE(length === 0 ? 0 : offset, 4 + number * 8);
        table.writeUInt32BE(length, 8 + number * 8);
        offset += length;
      }
      const variables = Object.entries(names).flatMap(([name, block]) => [
        uint32s(block),
        Buffer.from([name.length]),
        Buffer.from(name, "latin1"),
      ]);
      const named = Buffer.concat([uint32s(Object.keys(names).length), ...variables]);
      const header = Buffer.alloc(HEADER_BYTES);
      header.write(BOM_MAGIC, 0, "latin1");
      uint32s(BOM_VERSION, blocks.length - 1, offset, table.length, offset + table.length, named.length).copy(
        header,
        8,
      );
      return Buffer.concat([header, ...blocks, table, named]);
    },
  };
}

function chunks<Item>(items: readonly Item[], most: number): readonly (readonly Item[])[] {
  const groups: Item[][] = [];
  for (let at = 0; at < items.length; at += most) groups.push(items.slice(at, at + most));
  return groups;
}

function uint32s(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [at, value] of values.entries()) bytes.writeUInt32BE(value, at * 4);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
