/**
 * The CodeDirectory: the hashes of a file's pages and of the things around it,
 * and the facts they are sealed with. Its own hash, cut to 20 bytes, is the
 * cdhash. Follows `CS_CodeDirectory` in `cs_blobs.h` of Apple's kernel.
 */
import { hash } from "node:crypto";
import { boundedView } from "../../build/formats/bounded-view.ts";
import { signatureMalformed } from "./mach-o-errors.ts";
import { CODE_DIRECTORY_MAGIC } from "./super-blob.ts";

export const HASH_BYTES = 32;
const HASH_TYPE_SHA256 = 2;
const CD_HASH_BYTES = 20;
/** With the executable segment; the least that is written here. */
const VERSION_EXEC_SEGMENT = 0x20400;
/** With the hardened runtime's version. */
const VERSION_RUNTIME = 0x20500;
/** With the linkage hash, which is not looked at. */
const NEWEST_VERSION = 0x20600;
const HEADER_BYTES = 88;
const HEADER_BYTES_RUNTIME = 96;
export const DEFAULT_PAGE_SIZE_LOG2 = 12;

export const CODE_FLAG = { adhoc: 0x2, runtime: 0x10000, linkerSigned: 0x20000 } as const;
export const EXEC_SEGMENT_MAIN_BINARY = 1;

/** Everything in a CodeDirectory but the hashes of pages. */
export interface CodeDirectoryFacts {
  readonly flags: number;
  readonly identifier: string;
  readonly teamId?: string | undefined;
  readonly codeLimit: number;
  readonly pageSizeLog2: number;
  readonly execSegmentBase: number;
  readonly execSegmentLimit: number;
  readonly execSegmentFlags: number;
  /** SDK version under which the hardened runtime applies; undefined without it. */
  readonly runtimeVersion?: number | undefined;
  /** Special slot (1 to 7) to SHA-256; a missing one is zeros. */
  readonly specialHashes: ReadonlyMap<number, Uint8Array>;
}

/** How many pages, and so hashes, a code limit makes. */
export function pageCount(codeLimit: number, pageSizeLog2: number): number {
  return Math.ceil(codeLimit / 2 ** pageSizeLog2);
}

/** The length of the CodeDirectory with these facts. */
export function codeDirectoryBytes(facts: CodeDirectoryFacts): number {
  const { hashOffset } = layoutOf(facts);
  return hashOffset + pageCount(facts.codeLimit, facts.pageSizeLog2) * HASH_BYTES;
}

/** The CodeDirectory blob; `pageHashes` are the SHA-256 of every page, one after the other. */
export function encodeCodeDirectory(facts: CodeDirectoryFacts, pageHashes: Uint8Array): Uint8Array {
  const layout = layoutOf(facts);
  const pages = pageCount(facts.codeLimit, facts.pageSizeLog2);
  if (pageHashes.length !== pages * HASH_BYTES)
    throw new Error(`${pageHashes.length} bytes of hashes for ${pages} pages`);
  const blob = new Uint8Array(codeDirectoryBytes(facts));
  const view = new DataView(blob.buffer);
  const words: readonly (readonly [offset: number, value: number])[] = [
    [0, CODE_DIRECTORY_MAGIC],
    [4, blob.length],
    [8, facts.runtimeVersion === undefined ? VERSION_EXEC_SEGMENT : VERSION_RUNTIME],
    [12, facts.flags],
    [16, layout.hashOffset],
    [20, layout.identifierOffset],
    [24, layout.specialSlots],
    [28, pages],
    [32, facts.codeLimit],
    [48, layout.teamOffset],
  ];
  for (const [offset, value] of words) view.setUint32(offset, value);
  view.setUint8(36, HASH_BYTES);
  view.setUint8(37, HASH_TYPE_SHA256);
  view.setUint8(39, facts.pageSizeLog2);
  view.setBigUint64(64, BigInt(facts.execSegmentBase));
  view.setBigUint64(72, BigInt(facts.execSegmentLimit));
  view.setBigUint64(80, BigInt(facts.execSegmentFlags));
  if (facts.runtimeVersion !== undefined) view.setUint32(88, facts.runtimeVersion);
  blob.set(Buffer.from(`${facts.identifier}\0`), layout.identifierOffset);
  if (facts.teamId !== undefined) blob.set(Buffer.from(`${facts.teamId}\0`), layout.teamOffset);
  for (const [slot, value] of facts.specialHashes) blob.set(value, layout.hashOffset - slot * HASH_BYTES);
  blob.set(pageHashes, layout.hashOffset);
  return blob;
}

function layoutOf(facts: CodeDirectoryFacts) {
  const identifierOffset = facts.runtimeVersion === undefined ? HEADER_BYTES : HEADER_BYTES_RUNTIME;
  const afterIdentifier = identifierOffset + Buffer.byteLength(facts.identifier) + 1;
  const teamOffset = facts.teamId === undefined ? 0 : afterIdentifier;
  const afterTeam = afterIdentifier + (facts.teamId === undefined ? 0 : Buffer.byteLength(facts.teamId) + 1);
  const specialSlots = Math.max(0, ...facts.specialHashes.keys());
  return { identifierOffset, teamOffset, specialSlots, hashOffset: afterTeam + specialSlots * HASH_BYTES };
}

/** Collects the page hashes of a file that comes in pieces. */
export interface PageHasher {
  /** The next bytes; every piece but the last is whole pages. */
  update(piece: Uint8Array): void;
  /** Puts hashes of changed first pages in place of the old ones; `piece` is whole pages. */
  replaceFirst(piece: Uint8Array): void;
  /** The hashes of all pages; fewer bytes than promised are a bug. */
  hashes(): Uint8Array;
}

/** Hashes pages up to `codeLimit`. The last page is hashed as short as it is, never zero-padded. */
export function createPageHasher(codeLimit: number, pageSizeLog2: number): PageHasher {
  const pageBytes = 2 ** pageSizeLog2;
  const hashes = Buffer.alloc(pageCount(codeLimit, pageSizeLog2) * HASH_BYTES);
  let done = 0;
  const hashInto = (piece: Uint8Array, firstPage: number): void => {
    let page = firstPage;
    for (let at = 0; at < piece.length; at += pageBytes) {
      hashes.set(hash("sha256", piece.subarray(at, at + pageBytes), "buffer"), page * HASH_BYTES);
      page += 1;
    }
  };
  return {
    update(piece) {
      if (done % pageBytes !== 0) throw new Error(`a piece begins inside a page, at ${done}`);
      hashInto(piece, done / pageBytes);
      done += piece.length;
    },
    replaceFirst(piece) {
      hashInto(piece, 0);
    },
    hashes() {
      if (done !== codeLimit) throw new Error(`${done} bytes hashed of ${codeLimit}`);
      return hashes;
    },
  };
}

export interface CodeDirectory {
  readonly version: number;
  readonly flags: number;
  readonly identifier: string;
  readonly teamId: string | undefined;
  readonly codeLimit: number;
  readonly hashBytes: number;
  /** 1 SHA-1, 2 SHA-256, 3 SHA-256 cut to 20 bytes, 4 SHA-384. */
  readonly hashType: number;
  readonly platform: number;
  /** 0 where the whole file is one page. */
  readonly pageSizeLog2: number;
  readonly pages: number;
  readonly specialSlots: number;
  readonly execSegment: { readonly base: number; readonly limit: number; readonly flags: number } | undefined;
  readonly runtimeVersion: number | undefined;
  /** The stored hash of a page, counted from 0. */
  pageHash(page: number): Uint8Array;
  /** The stored hash of a special slot (1 and up), undefined beyond `specialSlots`. */
  specialHash(slot: number): Uint8Array | undefined;
  /** The whole blob. */
  readonly bytes: Uint8Array;
}

/** Parses a CodeDirectory blob of any version up to 2.6. Throws `CODESIGN_MALFORMED`. */
export function parseCodeDirectory(blob: Uint8Array): CodeDirectory {
  const view = boundedView(blob, "big", signatureMalformed);
  const field = (offset: number): number => view.u32(offset, "the CodeDirectory");
  if (field(0) !== CODE_DIRECTORY_MAGIC) throw signatureMalformed("its CodeDirectory has another magic");
  if (field(4) !== blob.length) throw signatureMalformed("its CodeDirectory has another length than its blob");
  const version = field(8);
  if (version < 0x20001 || version > NEWEST_VERSION)
    throw signatureMalformed(`its CodeDirectory has version 0x${version.toString(16)}`);
  const hashOffset = field(16);
  const specialSlots = field(24);
  const pages = field(28);
  const hashBytes = view.u8(36, "the CodeDirectory");
  const pageSizeLog2 = view.u8(39, "the CodeDirectory");
  if (pageSizeLog2 > 31) throw signatureMalformed(`its pages have 2^${pageSizeLog2} bytes`);
  if (version >= 0x20100 && field(44) !== 0) throw signatureMalformed("its CodeDirectory has a scatter vector");
  const teamOffset = version >= 0x20200 ? field(48) : 0;
  const codeLimit64 = version >= 0x20300 ? view.u64(56, "the CodeDirectory's code limit") : 0;
  view.bytes(hashOffset, pages * hashBytes, "the page hashes");
  view.bytes(hashOffset - specialSlots * hashBytes, specialSlots * hashBytes, "the special slots");
  return {
    version,
    flags: field(12),
    identifier: view.cString(field(20), "the identifier"),
    teamId: teamOffset === 0 ? undefined : view.cString(teamOffset, "the team identifier"),
    codeLimit: codeLimit64 === 0 ? field(32) : codeLimit64,
    hashBytes,
    hashType: view.u8(37, "the CodeDirectory"),
    platform: view.u8(38, "the CodeDirectory"),
    pageSizeLog2,
    pages,
    specialSlots,
    execSegment:
      version < VERSION_EXEC_SEGMENT
        ? undefined
        : {
            base: view.u64(64, "the executable segment"),
            limit: view.u64(72, "the executable segment"),
            flags: view.u64(80, "the executable segment"),
          },
    runtimeVersion: version < VERSION_RUNTIME ? undefined : field(88),
    pageHash: (page) => view.bytes(hashOffset + page * hashBytes, hashBytes, `the hash of page ${page}`),
    specialHash: (slot) =>
      slot < 1 || slot > specialSlots
        ? undefined
        : view.bytes(hashOffset - slot * hashBytes, hashBytes, `special slot ${slot}`),
    bytes: blob,
  };
}

/** The cdhash: the first 20 bytes of the SHA-256 of a CodeDirectory, in hex. */
export function cdHashOf(codeDirectory: Uint8Array): string {
  return hash("sha256", codeDirectory, "hex").slice(0, CD_HASH_BYTES * 2);
}
