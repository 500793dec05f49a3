/**
 * Writes a squashfs 4.0 image, little endian, as `squashfs_fs.h` of
 * squashfs-tools describes it. Nothing in it is compressed: what an AppImage
 * carries is compressed already, an uncompressed image can be read by every
 * reader whatever it was built with, and a file's bytes lie in it as one run,
 * at a place known before the first byte is written.
 *
 *   superblock   96 bytes
 *   contents     of files, blocks of 128 KiB without gaps; equal contents once
 *   inodes       metadata blocks: 2 bytes of length and flag, up to 8 KiB
 *   folders      metadata blocks: the names in each folder
 *   owners       one: root
 *   padding      to 4 KiB, as loop devices want it
 *
 * Left out, as the superblock's flags and offsets say: fragments, extended
 * attributes, the export table, folder indexes.
 */
import { createHash } from "node:crypto";
import { ErthError } from "../../runtime/base/errors.ts";
import { directoryListing, SQUASHFS_TYPES, type ListedName } from "./squashfs-folder.ts";
import { metadataStream, type MetadataPlace, type MetadataStream } from "./squashfs-metadata.ts";

export type SquashfsEntry =
  | { readonly kind: "folder"; readonly path: string; readonly mode: number }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  | { readonly kind: "file"; readonly path: string; readonly mode: number; readonly content: SquashfsContent };

/** A file's bytes, or where they will come from: then only their number counts here. */
export type SquashfsContent =
  | Uint8Array
  | {
      readonly bytes: number;
      /** The content's offset in the image is a multiple of this, less `imageOffset`. */
      readonly alignBytes: number;
    };

export interface SquashfsOptions {
  /** Of every entry, and of the image itself. */
  readonly modifiedAt: Date;
  /** Where in an outer file the image will begin; only alignment counts from there. */
  readonly imageOffset: number;
}

/** An image, all but the contents; what lies between the pieces is zero. */
export interface SquashfsLayout {
  /** The image's first bytes. */
  readonly superblock: Buffer;
  /** What comes after, in the image's order, with offsets in it. */
  readonly contents: readonly PlacedContent[];
  readonly tables: Buffer;
  readonly tablesOffset: number;
  readonly imageBytes: number;
}

export interface PlacedContent {
  /** The first file with this content. */
  readonly path: string;
  readonly offset: number;
  readonly content: SquashfsContent;
}

const SQUASHFS_MAGIC = 0x73717368;
const SUPERBLOCK_BYTES = 96;
const ABSENT = 0xffff_ffff_ffff_ffffn;
/** In the size of a block: it is stored as it is. */
const BLOCK_STORED = 1 << 24;
const NO_FRAGMENT = 0xffff_ffff;
const BLOCK_LOG = 17;
const BLOCK_BYTES = 1 << BLOCK_LOG;
const DEVICE_BLOCK_BYTES = 4096;
/** Nothing is compressed by it; readers want one, and every reader has this one. */
const COMPRESSOR_GZIP = 1;
/** Inodes, data, fragments and owners are stored as they are; no extended attributes. */
const FLAGS = 0x0001 | 0x0002 | 0x0008 | 0x0200 | 0x0800;
const MAX_NAME_BYTES = 255;
const MAX_TARGET_BYTES = 4095;
const MAX_UINT32 = 0xffff_ffff;
const MAX_UINT16 = 0xffff;

/** The layout of an image of these entries and a root folder around them. Throws `SQUASHFS_LIMIT`; a path twice or without its folder is a bug. */
export function layoutSquashfs(entries: readonly SquashfsEntry[], options: SquashfsOptions): SquashfsLayout {
  const root = treeOf(entries);
  const { contents, offsets, end } = placeContents(entries, options.imageOffset);

  const inodes = metadataStream();
  const listings = metadataStream();
  const seconds = Math.floor(options.modifiedAt.getTime() / 1000);
  const count = numberInodes(root);
  const rootInode = writeFolder(root, count + 1, { inodes, listings, offsets, seconds });

  // `squashfs_fs.h`, struct squashfs_super_block: tables in this order, after the contents.
  const inodeTable = inodes.encode();
  const folderTable = listings.encode();
  const inodeStart = end;
  const folderStart = inodeStart + inodeTable.length;
  const owners = metadataStream();
  owners.write(Buffer.alloc(4));
  const ownerBlock = owners.encode();
  const ownerStart = folderStart + folderTable.length;
  const ownerIndex = Buffer.alloc(8);
  ownerIndex.writeBigUInt64LE(BigInt(ownerStart));
  const used = ownerStart + ownerBlock.length + ownerIndex.length;

  const superblock = Buffer.alloc(SUPERBLOCK_BYTES);
  superblock.writeUInt32LE(SQUASHFS_MAGIC, 0);
  superblock.writeUInt32LE(count, 4);
  superblock.writeUInt32LE(seconds, 8);
  superblock.writeUInt32LE(BLOCK_BYTES, 12);
  superblock.writeUInt16LE(COMPRESSOR_GZIP, 20);
  superblock.writeUInt16LE(BLOCK_LOG, 22);
  superblock.writeUInt16LE(FLAGS, 24);
  superblock.writeUInt16LE(1, 26); // owners
  superblock.writeUInt16LE(4, 28); // version 4.0
  superblock.writeBigUInt64LE((BigInt(rootInode.block) << 16n) | BigInt(rootInode.offset), 32);
  superblock.writeBigUInt64LE(BigInt(used), 40);
  superblock.writeBigUInt64LE(BigInt(used - ownerIndex.length), 48);
  superblock.writeBigUInt64LE(ABSENT, 56); // extended attributes
  superblock.writeBigUInt64LE(BigInt(inodeStart), 64);
  superblock.writeBigUInt64LE(BigInt(folderStart), 72);
  superblock.writeBigUInt64LE(BigInt(ownerStart), 80); // no fragments; 7-Zip takes the start for the folders' end
  superblock.writeBigUInt64LE(ABSENT, 88); // export table
  return {
    superblock,
    contents,
    tables: Buffer.concat([inodeTable, folderTable, ownerBlock, ownerIndex]),
    tablesOffset: inodeStart,
    imageBytes: roundUp(used, DEVICE_BLOCK_BYTES),
  };
}

interface Node {
  readonly entry: SquashfsEntry;
  readonly name: Buffer;
  readonly children: Node[];
  number: number;
}

function treeOf(entries: readonly SquashfsEntry[]): Node {
  const root: Node = { entry: { kind: "folder", path: "", mode: 0o755 }, name: Buffer.of(), children: [], number: 0 };
  const nodes = new Map([["", root]]);
  for (const entry of entries) {
    const at = entry.path.lastIndexOf("/");
    const name = Buffer.from(entry.path.slice(at + 1));
    const parent = nodes.get(at < 0 ? "" : entry.path.slice(0, at));
    if (parent?.entry.kind !== "folder" || nodes.has(entry.path) || name.length === 0) {
      throw new Error(`${entry.path} comes twice, or before its folder`);
    }
    if (name.length > MAX_NAME_BYTES) throw tooLarge(`the name of ${entry.path}`, name.length, MAX_NAME_BYTES);
    const node: Node = { entry, name, children: [], number: 0 };
    parent.children.push(node);
    nodes.set(entry.path, node);
  }
  for (const { children } of nodes.values()) children.sort((a, b) => Buffer.compare(a.name, b.name));
  return root;
}

/** Numbers from 1 on, a folder before what is in it, names in order; returns how many. */
function numberInodes(root: Node): number {
  let count = 0;
  const visit = (node: Node): void => {
    node.number = count += 1;
    for (const child of node.children) visit(child);
  };
  visit(root);
  return count;
}

function placeContents(
  entries: readonly SquashfsEntry[],
  imageOffset: number,
): { readonly contents: PlacedContent[]; readonly offsets: ReadonlyMap<string, number>; readonly end: number } {
  const contents: PlacedContent[] = [];
  const offsets = new Map<string, number>();
  const known = new Map<string, number>();
  let end = SUPERBLOCK_BYTES;
  for (const entry of entries) {
    if (entry.kind !== "file" || lengthOf(entry.content) === 0) continue;
    const { path, content } = entry;
    const digest = content instanceof Uint8Array ? createHash("sha256").update(content).digest("hex") : undefined;
    let offset = digest === undefined ? undefined : known.get(digest);
    if (offset === undefined) {
      offset = content instanceof Uint8Array ? end : roundUp(imageOffset + end, content.alignBytes) - imageOffset;
      contents.push({ path, offset, content });
      end = offset + lengthOf(content);
    }
    if (digest !== undefined) known.set(digest, offset);
    offsets.set(path, offset);
  }
  return { contents, offsets, end };
}

interface Tables {
  readonly inodes: MetadataStream;
  readonly listings: MetadataStream;
  readonly offsets: ReadonlyMap<string, number>;
  readonly seconds: number;
}

/** Inodes of what is in the folder, its listing, then its own inode: each names only what is written before it. */
function writeFolder(folder: Node, parentNumber: number, tables: Tables): MetadataPlace {
  const { inodes, listings } = tables;
  const names: ListedName[] = folder.children.map((child) => {
    const { entry, name, number } = child;
    const inode = entry.kind === "folder" ? writeFolder(child, folder.number, tables) : writeLeaf(child, tables);
    return { name, number, inode, type: SQUASHFS_TYPES[entry.kind] };
  });
  const listing = directoryListing(names);
  const { block, offset } = listings.place();
  listings.write(listing);

  const links = 2 + folder.children.filter(({ entry }) => entry.kind === "folder").length;
  // A listing's length counts "." and ".." as 3 bytes, though neither is in it.
  const length = listing.length + 3;
  const isLarge = length > MAX_UINT16;
  const head = inodeHead(folder, tables.seconds, isLarge);
  const place = inodes.place();
  const body = Buffer.alloc(isLarge ? 24 : 16);
  if (isLarge) {
    body.writeUInt32LE(links, 0);
    body.writeUInt32LE(length, 4);
    body.writeUInt32LE(block, 8);
    body.writeUInt32LE(parentNumber, 12);
    body.writeUInt16LE(offset, 18);
    body.writeUInt32LE(MAX_UINT32, 20); // no extended attributes
  } else {
    body.writeUInt32LE(block, 0);
    body.writeUInt32LE(links, 4);
    body.writeUInt16LE(length, 8);
    body.writeUInt16LE(offset, 10);
    body.writeUInt32LE(parentNumber, 12);
  }
  inodes.write(Buffer.concat([head, body]));
  return place;
}

function writeLeaf(node: Node, { inodes, offsets, seconds }: Tables): MetadataPlace {
  const { entry } = node;
  const place = inodes.place();
  if (entry.kind === "link") {
    const target = Buffer.from(entry.target);
    if (target.length > MAX_TARGET_BYTES) throw tooLarge(`the link ${entry.path}`, target.length, MAX_TARGET_BYTES);
    const body = Buffer.alloc(8);
    body.writeUInt32LE(1, 0); // names of this inode
    body.writeUInt32LE(target.length, 4);
    inodes.write(Buffer.concat([inodeHead(node, seconds, false), body, target]));
  } else if (entry.kind === "file") {
    const length = lengthOf(entry.content);
    const offset = offsets.get(entry.path) ?? 0;
    const isLarge = offset > MAX_UINT32 || length > MAX_UINT32;
    const body = Buffer.alloc(isLarge ? 40 : 16);
    if (isLarge) {
      body.writeBigUInt64LE(BigInt(offset), 0);
      body.writeBigUInt64LE(BigInt(length), 8);
      body.writeUInt32LE(1, 24); // names of this inode
      body.writeUInt32LE(NO_FRAGMENT, 28);
      body.writeUInt32LE(MAX_UINT32, 36); // no extended attributes
    } else {
      body.writeUInt32LE(offset, 0);
      body.writeUInt32LE(NO_FRAGMENT, 4);
      body.writeUInt32LE(length, 12);
    }
    inodes.write(Buffer.concat([inodeHead(node, seconds, isLarge), body, blockSizes(length)]));
  }
  return place;
}

/** The fields that every inode begins with; an extended one has its type 7 higher. */
function inodeHead({ entry, number }: Node, seconds: number, isExtended: boolean): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt16LE(SQUASHFS_TYPES[entry.kind] + (isExtended ? 7 : 0), 0);
  head.writeUInt16LE(entry.kind === "link" ? 0o777 : entry.mode, 2);
  head.writeUInt32LE(seconds, 8); // after the indexes of owner and group, both 0
  head.writeUInt32LE(number, 12);
  return head;
}

function blockSizes(length: number): Buffer {
  const sizes = Buffer.alloc(4 * Math.ceil(length / BLOCK_BYTES));
  for (let at = 0; at < sizes.length / 4; at += 1) {
    sizes.writeUInt32LE(Math.min(BLOCK_BYTES, length - at * BLOCK_BYTES) + BLOCK_STORED, at * 4);
  }
  return sizes;
}

function lengthOf(content: SquashfsContent): number {
  return content instanceof Uint8Array ? content.length : content.bytes;
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

function tooLarge(what: string, bytes: number, limit: number): ErthError {
  return new ErthError({
    code: "SQUASHFS_LIMIT",
    message: `${what} has ${bytes} bytes; squashfs holds ${limit}.`,
    remedy: "give it a shorter name, then erth package",
  });
}
