/**
 * The Finder's `.DS_Store`: records about a folder and what is in it, in a
 * B-tree (`DSDB`) whose pages lie in a file run by a buddy allocator. After
 * Wim Lewis's "DS_Store Format" (Mac::Finder::DSStore). Big endian; all
 * offsets count from the file's byte 4.
 */
import { compareHfsPlusNames, hfsPlusName } from "./hfs-plus-names.ts";

export interface DsStoreRecord {
  /** The item's name in the folder; `.` is the folder. */
  readonly name: string;
  /** `Iloc`, `bwsp` */
  readonly id: string;
  readonly value:
    | { readonly type: "blob"; readonly bytes: Uint8Array }
    | { readonly type: "long"; readonly number: number }
    | { readonly type: "type"; readonly code: string };
}

const PAGE_BYTES = 4096;
const NODE_HEAD_BYTES = 8;
const HEADER_BYTES = 32;
const FREE_LISTS = 32;
const ADDRESS_SPACE_LOG = 31;
/** The table of block addresses grows by this many. */
const ADDRESS_STEP = 256;

/** The whole file, records sorted as the Finder does. */
export function encodeDsStore(records: readonly DsStoreRecord[]): Buffer {
  const sorted = records
    .map((record) => ({ ...record, name: hfsPlusName(record.name) }))
    .sort((a, b) => compareHfsPlusNames(a.name, b.name) || (a.id < b.id ? -1 : 1));
  const { leaves, separators } = paginate(sorted.map(encodeRecord));

  // 1. Space: the header at 0, then block 0 (the allocator's own), block 1 (DSDB), the pages.
  const allocator = buddyAllocator();
  allocator.allocate(HEADER_BYTES);
  const isDeep = leaves.length > 1;
  const pageCount = leaves.length + (isDeep ? 1 : 0);
  const own = allocator.allocate(PAGE_BYTES / 2);
  const dsdb = allocator.allocate(HEADER_BYTES);
  const pages = Array.from({ length: pageCount }, () => allocator.allocate(PAGE_BYTES));
  const blocks = [own, dsdb, ...pages];
  const end = Math.max(...blocks.map(({ offset, bytes }) => offset + bytes));
  const file = Buffer.alloc(4 + end);
  const block = ({ offset, bytes }: Block): Buffer => file.subarray(4 + offset, 4 + offset + bytes);

  // 2. The pages: leaves, and above several of them a root that holds the records between.
  const firstLeaf = 2;
  for (const [at, leaf] of leaves.entries()) {
    const page = block(pages[at] ?? own);
    page.writeUInt32BE(leaf.length, 4);
    Buffer.concat(leaf).copy(page, NODE_HEAD_BYTES);
  }
  if (isDeep) {
    const root = block(pages[leaves.length] ?? own);
    root.writeUInt32BE(firstLeaf + leaves.length - 1, 0);
    root.writeUInt32BE(separators.length, 4);
    Buffer.concat(separators.flatMap((record, at) => [word(firstLeaf + at), record])).copy(root, NODE_HEAD_BYTES);
  }
  const rootPage = isDeep ? firstLeaf + leaves.length : firstLeaf;
  const facts = [rootPage, isDeep ? 1 : 0, records.length, pageCount, PAGE_BYTES];
  Buffer.concat(facts.map(word)).copy(block(dsdb));

  // 3. The allocator's own block: addresses, the name of the tree's block, free blocks by size.
  const addresses = Buffer.alloc(4 * Math.ceil(blocks.length / ADDRESS_STEP) * ADDRESS_STEP);
  for (const [at, each] of blocks.entries()) addresses.writeUInt32BE(addressOf(each), 4 * at);
  const bookkeeping = Buffer.concat([
    word(blocks.length),
    word(0),
    addresses,
    word(1),
    Buffer.from("\x04DSDB", "latin1"),
    word(1),
    ...allocator.free.flatMap((offsets) => [word(offsets.length), ...offsets.map(word)]),
  ]);
  if (bookkeeping.length > own.bytes) throw new Error(`a .DS_Store of ${blocks.length} blocks`);
  bookkeeping.copy(block(own));

  // 4. The header.
  file.writeUInt32BE(1, 0);
  file.write("Bud1", 4, "latin1");
  for (const [at, value] of [own.offset, own.bytes, own.offset].entries()) file.writeUInt32BE(value, 8 + 4 * at);
  for (const [at, each] of [pages[0] ?? own, dsdb, own].entries()) file.writeUInt32BE(addressOf(each), 20 + 4 * at);
  return file;
}

function encodeRecord({ name, id, value }: DsStoreRecord): Buffer {
  const head = Buffer.concat([
    word(name.length),
    Buffer.from(name, "utf16le").swap16(),
    Buffer.from(`${id}${value.type}`, "latin1"),
  ]);
  if (value.type === "blob") return Buffer.concat([head, word(value.bytes.length), value.bytes]);
  return Buffer.concat([head, value.type === "long" ? word(value.number) : Buffer.from(value.code, "latin1")]);
}

interface Pages {
  readonly leaves: readonly (readonly Buffer[])[];
  /** One between each two leaves. */
  readonly separators: readonly Buffer[];
}

function paginate(records: readonly Buffer[]): Pages {
  const capacity = PAGE_BYTES - NODE_HEAD_BYTES;
  const leaves: Buffer[][] = [[]];
  const separators: Buffer[] = [];
  let used = 0;
  for (const [at, record] of records.entries()) {
    if (record.length > capacity) throw new Error(`a .DS_Store record of ${record.length} bytes`);
    const leaf = leaves.at(-1) ?? [];
    if (used + record.length <= capacity) {
      leaf.push(record);
      used += record.length;
      continue;
    }
    // The last record of all cannot stand between two leaves: the one before it does.
    const isLast = at === records.length - 1;
    separators.push(isLast ? (leaf.pop() ?? record) : record);
    leaves.push(isLast ? [record] : []);
    used = 0;
  }
  const rootBytes = separators.reduce((sum, { length }) => sum + length + 4, 0);
  if (rootBytes > capacity) throw new Error(`a .DS_Store of ${records.length} records`);
  return { leaves, separators };
}

interface Block {
  readonly offset: number;
  /** A power of two. */
  readonly bytes: number;
}

interface Allocator {
  allocate(bytes: number): Block;
  /** Offsets of free blocks by the logarithm of their size. */
  readonly free: readonly (readonly number[])[];
}

/** 2 GiB of addresses, halved until the size fits. */
function buddyAllocator(): Allocator {
  const free: number[][] = Array.from({ length: FREE_LISTS }, (_, log) => (log === ADDRESS_SPACE_LOG ? [0] : []));
  return {
    free,
    allocate(bytes) {
      const log = Math.log2(bytes);
      let from = free.findIndex((offsets, at) => at >= log && offsets.length > 0);
      const offset = free[from]?.shift();
      if (offset === undefined) throw new Error(`no space for ${bytes} bytes in a .DS_Store`);
      while (from > log) {
        from -= 1;
        free[from]?.push(offset + 2 ** from);
      }
      return { offset, bytes };
    },
  };
}

function addressOf({ offset, bytes }: Block): number {
  return offset | Math.log2(bytes);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
