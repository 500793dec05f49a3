/**
 * Reads a squashfs 4.0 image that nobody vouches for: `squashfs_fs.h`, little
 * endian; stored, gzip and zstd. Nothing is unpacked beyond what a block may
 * hold, nothing is followed twice, no name leaves its folder. Shares nothing
 * with the code that writes images.
 */
import { inflateSync, zstdDecompressSync } from "node:zlib";
import { ErthError } from "../../runtime/base/errors.ts";
import { boundedView, type BoundedView } from "./bounded-view.ts";
import type { ByteRange } from "./byte-range.ts";

export interface SquashfsMember {
  /** "/" separated; the root itself is not listed. */
  readonly path: string;
  readonly kind: "file" | "folder" | "link" | "other";
  /** Permission bits. */
  readonly mode: number;
  readonly bytes: number;
  /** Of a link. */
  readonly target: string | undefined;
  /** The whole of a file; throws where it has more than `maxBytes`. */
  read(maxBytes: number): Promise<Buffer>;
}

export interface SquashfsLimits {
  readonly maxEntries: number;
  /** Of inodes and listings together, unpacked. */
  readonly maxTableBytes: number;
}

export const SQUASHFS_LIMITS: SquashfsLimits = { maxEntries: 100_000, maxTableBytes: 64 << 20 };

const MAGIC = 0x7371_7368;
const SUPERBLOCK_BYTES = 96;
const METADATA_BYTES = 8192;
const MAX_DEPTH = 64;
const MAX_TARGET_BYTES = 4096;
const STORED_METADATA = 0x8000;
const STORED_BLOCK = 1 << 24;
const NO_FRAGMENT = 0xffff_ffff;

type Unpack = (bytes: Uint8Array, maxBytes: number) => Buffer;

const COMPRESSORS: Readonly<Record<number, Unpack>> = {
  1: (bytes, maxOutputLength) => inflateSync(bytes, { maxOutputLength }),
  6: (bytes, maxOutputLength) => zstdDecompressSync(bytes, { maxOutputLength }),
};

interface Image {
  readonly range: ByteRange;
  readonly view: BoundedView;
  readonly blockBytes: number;
  readonly unpack: Unpack;
  readonly tables: { readonly inodes: number; readonly folders: number; readonly fragments: number };
  readonly fragments: number;
  /** Unpacked metadata that may still come. */
  left: number;
}

/** Every entry, a folder before what is in it. Throws `SQUASHFS_DAMAGED`. */
export async function readSquashfs(
  range: ByteRange,
  limits: SquashfsLimits = SQUASHFS_LIMITS,
): Promise<readonly SquashfsMember[]> {
  const image = await openImage(range, limits);
  const members: SquashfsMember[] = [];
  const seen = new Set<string>();
  const visit = async (place: Place, path: string, depth: number): Promise<void> => {
    const key = `${place.block} ${place.offset}`;
    if (depth > MAX_DEPTH || members.length > limits.maxEntries) throw damaged(`it has more than it may below ${path}`);
    const inode = await readInode(image, place);
    if (path !== "") members.push(memberOf(image, inode, path));
    if (inode.kind !== "folder") return;
    // A file may have two names; a folder that has is its own ancestor, or a bomb.
    if (seen.has(key)) throw damaged(`its folder ${path} is in it twice`);
    seen.add(key);
    for (const { name, inode: child } of await readListing(image, inode)) {
      await visit(child, path === "" ? name : `${path}/${name}`, depth + 1);
    }
  };
  const root = image.view.u64(32, "its root");
  await visit({ block: Math.floor(root / 0x1_0000), offset: root % 0x1_0000 }, "", 0);
  return members;
}

async function openImage(range: ByteRange, { maxTableBytes }: SquashfsLimits): Promise<Image> {
  if (range.size < SUPERBLOCK_BYTES) throw damaged("it is too short to be one");
  const view = boundedView(await range.read(0, SUPERBLOCK_BYTES), "little", damaged);
  if (view.u32(0, "its magic") !== MAGIC || u16(view, 28) !== 4) throw damaged("it is not of version 4");
  const unpack = COMPRESSORS[u16(view, 20)];
  if (unpack === undefined) throw damaged(`it is compressed by number ${u16(view, 20)}, which is not read here`);
  const blockBytes = view.u32(12, "its block size");
  if (blockBytes < 4096 || blockBytes > 1 << 20) throw damaged(`its blocks have ${blockBytes} bytes`);
  const fragments = view.u32(16, "its fragments");
  const tables = {
    inodes: view.u64(64, "its inodes"),
    folders: view.u64(72, "its folders"),
    fragments: fragments === 0 ? 0 : view.u64(80, "its fragments"),
  };
  return { range, view, blockBytes, unpack, tables, fragments, left: maxTableBytes };
}

interface Place {
  readonly block: number;
  readonly offset: number;
}

/** Metadata from a place on, block after block. */
function metadataAt(image: Image, table: number, place: Place) {
  let next = table + place.block;
  let skip = place.offset;
  let ready: Buffer = Buffer.alloc(0);
  return async (length: number, what: string): Promise<BoundedView> => {
    while (ready.length < length) {
      const head = u16(await viewAt(image, next, 2, what), 0);
      const stored = head & ~STORED_METADATA;
      if (stored === 0 || stored > METADATA_BYTES) throw damaged(`${what} has a block of ${stored} bytes`);
      const bytes = (await viewAt(image, next + 2, stored, what)).bytes(0, stored, what);
      const block = (head & STORED_METADATA) === 0 ? unpacked(image, bytes, METADATA_BYTES, what) : Buffer.from(bytes);
      image.left -= block.length;
      if (image.left < 0) throw damaged("its tables unpack to more than they may");
      if (skip > block.length || block.length === 0) throw damaged(`${what} lies outside its table`);
      ready = Buffer.concat([ready, block.subarray(skip)]);
      skip = 0;
      next += 2 + stored;
    }
    const taken = ready.subarray(0, length);
    ready = ready.subarray(length);
    return boundedView(taken, "little", damaged);
  };
}

interface Inode {
  readonly kind: SquashfsMember["kind"];
  readonly mode: number;
  readonly bytes: number;
  readonly target: string | undefined;
  readonly listing: Place;
  readonly start: number;
  readonly blocks: readonly number[];
  readonly fragment: { readonly number: number; readonly offset: number } | undefined;
}

async function readInode(image: Image, place: Place): Promise<Inode> {
  const what = "an entry";
  const take = metadataAt(image, image.tables.inodes, place);
  const head = await take(16, what);
  const base = { mode: u16(head, 2) & 0o7777, bytes: 0, target: undefined, listing: { block: 0, offset: 0 } };
  const plain: Inode = { kind: "other", ...base, start: 0, blocks: [], fragment: undefined };
  switch (u16(head, 0)) {
    case 1: {
      const body = await take(16, what);
      const listing = { block: body.u32(0, what), offset: u16(body, 10) };
      return { ...plain, kind: "folder", bytes: u16(body, 8), listing };
    }
    case 8: {
      const body = await take(24, what);
      const listing = { block: body.u32(8, what), offset: u16(body, 18) };
      return { ...plain, kind: "folder", bytes: body.u32(4, what), listing };
    }
    case 2: {
      const body = await take(16, what);
      const place = { start: body.u32(0, what), fragment: body.u32(4, what), offset: body.u32(8, what) };
      return fileInode(image, take, { ...plain, kind: "file", bytes: body.u32(12, what) }, place);
    }
    case 9: {
      const body = await take(40, what);
      const place = { start: body.u64(0, what), fragment: body.u32(28, what), offset: body.u32(32, what) };
      return fileInode(image, take, { ...plain, kind: "file", bytes: body.u64(8, what) }, place);
    }
    case 3:
    case 10: {
      const length = (await take(8, what)).u32(4, what);
      if (length === 0 || length > MAX_TARGET_BYTES) throw damaged(`a link has ${length} bytes`);
      const target = Buffer.from((await take(length, what)).bytes(0, length, what)).toString();
      return { ...plain, kind: "link", bytes: length, target };
    }
    default:
      return plain;
  }
}

async function fileInode(
  image: Image,
  take: ReturnType<typeof metadataAt>,
  file: Inode,
  { start, fragment, offset }: { readonly start: number; readonly fragment: number; readonly offset: number },
): Promise<Inode> {
  const isWhole = fragment === NO_FRAGMENT;
  const count = isWhole ? Math.ceil(file.bytes / image.blockBytes) : Math.floor(file.bytes / image.blockBytes);
  // Each block has four bytes of metadata, of which there may be only so many.
  if (count * 4 > image.left) throw damaged("a file has more blocks than it may");
  const list = await take(count * 4, "a file's blocks");
  const blocks = Array.from({ length: count }, (_, at) => list.u32(at * 4, "a block"));
  return { ...file, start, blocks, fragment: isWhole ? undefined : { number: fragment, offset } };
}

interface ListedName {
  readonly name: string;
  readonly inode: Place;
}

async function readListing(image: Image, folder: Inode): Promise<readonly ListedName[]> {
  const what = "a folder";
  const names: ListedName[] = [];
  const take = metadataAt(image, image.tables.folders, folder.listing);
  for (let left = folder.bytes - 3; left > 0;) {
    const head = await take(12, what);
    left -= 12;
    const block = head.u32(4, what);
    for (let count = head.u32(0, what) + 1; count > 0 && left > 0; count -= 1) {
      const entry = await take(8, what);
      const length = u16(entry, 6) + 1;
      const name = Buffer.from((await take(length, what)).bytes(0, length, what)).toString();
      left -= 8 + length;
      if (name === "." || name === ".." || /[/\0]/.test(name)) throw damaged(`it has a name ${JSON.stringify(name)}`);
      names.push({ name, inode: { block, offset: u16(entry, 0) } });
    }
  }
  return names;
}

function memberOf(image: Image, inode: Inode, path: string): SquashfsMember {
  const { kind, mode, bytes, target } = inode;
  return {
    path,
    kind,
    mode: mode & 0o777,
    bytes: kind === "file" ? bytes : 0,
    target,
    async read(maxBytes) {
      if (kind !== "file" || bytes > maxBytes)
        throw damaged(`${path} has ${bytes} bytes, expected ${maxBytes} at most`);
      return readContent(image, inode, path);
    },
  };
}

async function readContent(image: Image, { bytes, blocks, start, fragment }: Inode, path: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  let at = start;
  let left = bytes;
  for (const block of blocks) {
    const length = Math.min(image.blockBytes, left);
    const stored = block & (STORED_BLOCK - 1);
    // A block of no bytes is one of zeros.
    const part = stored === 0 ? Buffer.alloc(length) : await blockAt(image, at, block, path);
    if (part.length !== length) throw damaged(`${path} has a block of ${part.length} bytes, expected ${length}`);
    parts.push(part);
    at += stored;
    left -= length;
  }
  if (fragment !== undefined && left > 0) parts.push(await readFragment(image, fragment, left, path));
  return Buffer.concat(parts);
}

async function readFragment(
  image: Image,
  { number, offset }: NonNullable<Inode["fragment"]>,
  length: number,
  path: string,
): Promise<Buffer> {
  const what = `the end of ${path}`;
  if (number >= image.fragments) throw damaged(`${what} is in no fragment`);
  // 16 bytes for each, 512 in a metadata block, whose places are in a list.
  const list = await viewAt(image, image.tables.fragments + Math.floor(number / 512) * 8, 8, what);
  const take = metadataAt(image, list.u64(0, what), { block: 0, offset: (number % 512) * 16 });
  const entry = await take(16, what);
  const block = await blockAt(image, entry.u64(0, what), entry.u32(8, what), path);
  if (offset + length > block.length) throw damaged(`${what} leaves its fragment`);
  return block.subarray(offset, offset + length);
}

async function blockAt(image: Image, at: number, size: number, path: string): Promise<Buffer> {
  const stored = size & (STORED_BLOCK - 1);
  if (stored > image.blockBytes) throw damaged(`${path} has a block of ${stored} bytes`);
  const bytes = (await viewAt(image, at, stored, path)).bytes(0, stored, path);
  return (size & STORED_BLOCK) === 0 ? unpacked(image, bytes, image.blockBytes, path) : Buffer.from(bytes);
}

function unpacked({ unpack }: Image, bytes: Uint8Array, maxBytes: number, what: string): Buffer {
  try {
    return unpack(bytes, maxBytes);
  } catch (cause) {
    throw damaged(`${what} cannot be unpacked`, cause);
  }
}

async function viewAt({ range }: Image, at: number, length: number, what: string): Promise<BoundedView> {
  if (!Number.isSafeInteger(at) || at < 0 || at + length > range.size) throw damaged(`${what} lies outside it`);
  return boundedView(await range.read(at, length), "little", damaged);
}

function u16(view: BoundedView, at: number): number {
  return view.u8(at, "a number") | (view.u8(at + 1, "a number") << 8);
}

function damaged(what: string, cause?: unknown): ErthError {
  return new ErthError({
    code: "SQUASHFS_DAMAGED",
    message: `the squashfs image is damaged: ${what}.`,
    remedy: "make the file again, or download it again",
    cause,
  });
}
