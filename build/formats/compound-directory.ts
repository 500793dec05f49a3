/** The records of a compound file: its header and its directory's entries. [MS-CFB] 9.0, 2.2 and 2.6. */
import { ErthError } from "../../runtime/base/errors.ts";
import { boundedView } from "./bounded-view.ts";

export interface CompoundHeader {
  readonly sectorBytes: 512 | 4096;
  readonly fatSectors: number;
  readonly firstDirectorySector: number;
  /** Streams below this size share the mini stream. */
  readonly miniCutoff: number;
  readonly firstMiniFatSector: number;
  readonly firstDifatSector: number;
  readonly difatSectors: number;
}

/** A storage (a folder) or a stream (a file). */
export interface CompoundEntry {
  readonly kind: "root" | "storage" | "stream";
  readonly name: string;
  /** UTF-16, little endian, without the zero at its end: what is sorted and hashed. */
  readonly nameBytes: Uint8Array;
  /** 16 bytes; of storages. */
  readonly classId: Uint8Array;
  /** 4 bytes. */
  readonly stateBits: Uint8Array;
  /** FILETIMEs, 8 bytes each, as stored. */
  readonly createdAt: Uint8Array;
  readonly modifiedAt: Uint8Array;
  /** Of a stream; 0 for storages. */
  readonly bytes: number;
  /** In the order of the tree; a stream has none. */
  readonly children: readonly CompoundEntry[];
}

/** An entry as it stands in the directory, its relatives by number. */
export interface StoredEntry extends Omit<CompoundEntry, "bytes" | "children"> {
  readonly left: number;
  readonly right: number;
  readonly child: number;
  readonly firstSector: number;
  /** Of a stream, and of the root's mini stream. */
  readonly size: number;
}

export const COMPOUND_MAGIC = Uint8Array.of(0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1);
export const DIRECTORY_ENTRY_BYTES = 128;
export const NO_STREAM = 0xffffffff;
const LITTLE_ENDIAN_MARK = 0xfffe;
const MINI_SECTOR_SHIFT = 6;
const MAX_NAME_BYTES = 64;
const KINDS: Readonly<Record<number, CompoundEntry["kind"]>> = { 1: "storage", 2: "stream", 5: "root" };

/** 2.2, from the first 512 bytes. Throws `COMPOUND_DAMAGED`. */
export function parseCompoundHeader(head: Uint8Array): CompoundHeader {
  const view = boundedView(head, "little", compoundDamaged);
  const field = (at: number): number => view.u32(at, "its header");
  const half = (at: number): number => view.u8(at, "its header") | (view.u8(at + 1, "its header") << 8);
  if (Buffer.compare(view.bytes(0, 8, "its header"), COMPOUND_MAGIC) !== 0)
    throw compoundDamaged("it does not begin like a compound file");
  view.bytes(0, 512, "its header");
  const version = half(26);
  const shift = half(30);
  if (half(28) !== LITTLE_ENDIAN_MARK) throw compoundDamaged("its byte order is not little endian");
  if (!(version === 3 && shift === 9) && !(version === 4 && shift === 12))
    throw compoundDamaged(`its version is ${version}, and its sectors have 2^${shift} bytes`);
  if (half(32) !== MINI_SECTOR_SHIFT) throw compoundDamaged(`its mini sectors have 2^${half(32)} bytes`);
  if (field(56) !== 4096) throw compoundDamaged(`its mini stream takes streams up to ${field(56)} bytes`);
  return {
    sectorBytes: version === 3 ? 512 : 4096,
    fatSectors: field(44),
    firstDirectorySector: field(48),
    miniCutoff: field(56),
    firstMiniFatSector: field(60),
    firstDifatSector: field(68),
    difatSectors: field(72),
  };
}

/** 2.6.1, every entry of the directory; undefined for one that is not in use. Throws `COMPOUND_DAMAGED`. */
export function parseDirectory(
  directory: Uint8Array,
  { sectorBytes }: CompoundHeader,
): readonly (StoredEntry | undefined)[] {
  return Array.from({ length: Math.floor(directory.length / DIRECTORY_ENTRY_BYTES) }, (_, index) => {
    const start = index * DIRECTORY_ENTRY_BYTES;
    return parseEntry(directory.subarray(start, start + DIRECTORY_ENTRY_BYTES), index, sectorBytes);
  });
}

function parseEntry(bytes: Uint8Array, index: number, sectorBytes: number): StoredEntry | undefined {
  const view = boundedView(bytes, "little", compoundDamaged);
  const what = `entry ${index} of its directory`;
  const type = view.u8(66, what);
  if (type === 0) return undefined;
  const kind = KINDS[type];
  if (kind === undefined) throw compoundDamaged(`${what} is of type ${type}`);
  const nameBytes = view.u8(64, what) | (view.u8(65, what) << 8);
  if (nameBytes < 2 || nameBytes > MAX_NAME_BYTES || nameBytes % 2 !== 0)
    throw compoundDamaged(`the name of ${what} has ${nameBytes} bytes`);
  const name = Uint8Array.from(view.bytes(0, nameBytes - 2, what));
  const copy = (at: number, length: number): Uint8Array => Uint8Array.from(view.bytes(at, length, what));
  return {
    kind,
    name: Buffer.from(name).toString("utf16le"),
    nameBytes: name,
    left: view.u32(68, what),
    right: view.u32(72, what),
    child: view.u32(76, what),
    classId: copy(80, 16),
    stateBits: copy(96, 4),
    createdAt: copy(100, 8),
    modifiedAt: copy(108, 8),
    firstSector: view.u32(116, what),
    // 2.6.1: some writers of version 3 leave the upper half unset.
    size: sectorBytes === 512 ? view.u32(120, what) : view.u64(120, `the size of ${what}`),
  };
}

export function compoundDamaged(what: string): ErthError {
  return new ErthError({
    code: "COMPOUND_DAMAGED",
    message: `The compound file is damaged: ${what}.`,
    remedy: "make it again, or download it again: erth package",
  });
}
