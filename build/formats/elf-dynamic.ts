/**
 * What a shared object asks of the dynamic linker, and taking back what it
 * asks for nothing: the dynamic array of the ELF-64 Object File Format (System
 * V ABI, chapter 5) of a little-endian file. Pure; for files of a few hundred
 * kilobytes.
 */
import { ErthError } from "../../runtime/base/errors.ts";

const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const ENTRY_BYTES = 16;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_STRSZ = 10;
const DT_RPATH = 15;
const DT_RUNPATH = 29;
const DT_VERNEED = 0x6ffffffe;
const DT_VERNEEDNUM = 0x6fffffff;

interface Entry {
  readonly tag: number;
  readonly value: number;
}

interface Dynamic {
  /** In the file. */
  readonly offset: number;
  readonly entries: readonly Entry[];
  /** How many entries the array has room for. */
  readonly room: number;
  /** The string at this index of DT_STRTAB. */
  readonly text: (index: number) => string;
  /** Where an address lies in the file. */
  readonly place: (address: number) => number;
}

/** The libraries that the linker must find (DT_NEEDED), in order, and the folders that the file names for them. */
export interface Needs {
  readonly libraries: readonly string[];
  readonly runPaths: readonly string[];
}

/** Reads what a shared object needs. Throws `ELF_MALFORMED`. */
export function parseNeeds(bytes: Uint8Array): Needs {
  const { entries, text } = parseDynamic(bytes);
  return {
    libraries: entries.filter(({ tag }) => tag === DT_NEEDED).map(({ value }) => text(value)),
    runPaths: entries.filter(isRunPath).map(({ value }) => text(value)),
  };
}

/**
 * A copy that no longer needs these libraries and names no run path; every
 * other byte stays. The caller knows that no symbol is theirs; a library whose
 * versions are asked for is in use, and dropping it is refused.
 */
export function withoutNeeds(bytes: Uint8Array, libraries: readonly string[]): Uint8Array {
  const dynamic = parseDynamic(bytes);
  const { offset, entries, room, text } = dynamic;
  const versioned = versionedLibraries(bytes, dynamic);
  const inUse = libraries.filter((name) => versioned.includes(name));
  if (inUse.length > 0) throw malformed(`it uses versioned symbols of ${inUse.join(", ")}`);

  const isDropped = (entry: Entry): boolean =>
    isRunPath(entry) || (entry.tag === DT_NEEDED && libraries.includes(text(entry.value)));
  const kept = entries.filter((entry) => !isDropped(entry));
  const copy = Uint8Array.from(bytes);
  // DT_NULL is all zeros, and ends the array wherever it stands.
  copy.fill(0, offset, offset + room * ENTRY_BYTES);
  const view = viewOf(copy);
  for (const [index, { tag, value }] of kept.entries()) {
    view.setBigUint64(offset + index * ENTRY_BYTES, BigInt(tag), true);
    view.setBigUint64(offset + index * ENTRY_BYTES + 8, BigInt(value), true);
  }
  return copy;
}

const isRunPath = ({ tag }: Entry): boolean => tag === DT_RPATH || tag === DT_RUNPATH;

function parseDynamic(bytes: Uint8Array): Dynamic {
  const view = viewOf(bytes);
  const isElf64 = bytes.length >= HEADER_BYTES && view.getUint32(0, false) === 0x7f454c46 && bytes[4] === 2;
  if (!isElf64 || bytes[5] !== 1) throw malformed("it is no 64-bit little-endian ELF file");
  const table = numberAt(view, 0x20);
  const count = view.getUint16(0x38, true);
  if (view.getUint16(0x36, true) !== PROGRAM_HEADER_BYTES) throw malformed("its program headers have another size");
  requireInside(bytes, table, count * PROGRAM_HEADER_BYTES, "the program headers");

  const segments = Array.from({ length: count }, (_, index) => {
    const at = table + index * PROGRAM_HEADER_BYTES;
    const [offset, address, length] = [0x08, 0x10, 0x20].map((field) => numberAt(view, at + field));
    return { type: view.getUint32(at, true), offset: offset!, address: address!, length: length! };
  });
  const found = segments.find(({ type }) => type === PT_DYNAMIC);
  if (found === undefined) throw malformed("it is not linked dynamically");
  requireInside(bytes, found.offset, found.length, "the dynamic array");

  const room = Math.floor(found.length / ENTRY_BYTES);
  const all = Array.from({ length: room }, (_, index) => {
    const at = found.offset + index * ENTRY_BYTES;
    return { tag: numberAt(view, at), value: numberAt(view, at + 8) };
  });
  const end = all.findIndex(({ tag }) => tag === DT_NULL);
  if (end < 0) throw malformed("its dynamic array has no end");
  const entries = all.slice(0, end);

  const place = (address: number): number => {
    const segment = segments.find(
      ({ type, address: start, length }) => type === PT_LOAD && address >= start && address < start + length,
    );
    if (segment === undefined) throw malformed(`no segment holds the address 0x${address.toString(16)}`);
    return segment.offset + address - segment.address;
  };
  const strings = place(valueOf(entries, DT_STRTAB));
  const stringBytes = valueOf(entries, DT_STRSZ);
  requireInside(bytes, strings, stringBytes, "the dynamic strings");
  const text = (index: number): string => {
    const start = strings + index;
    const stop = bytes.indexOf(0, start);
    if (index >= stringBytes || stop < 0) throw malformed(`the dynamic string at ${index} has no end`);
    return new TextDecoder("latin1").decode(bytes.subarray(start, stop));
  };
  return { offset: found.offset, entries, room, text, place };
}

/** Files whose symbol versions are asked for: `vn_file` of each Elf64_Verneed, a list linked by `vn_next`. */
function versionedLibraries(bytes: Uint8Array, { entries, text, place }: Dynamic): readonly string[] {
  const first = entries.find(({ tag }) => tag === DT_VERNEED);
  if (first === undefined) return [];
  const view = viewOf(bytes);
  const names: string[] = [];
  let at = place(first.value);
  for (let left = valueOf(entries, DT_VERNEEDNUM); left > 0; left -= 1) {
    requireInside(bytes, at, ENTRY_BYTES, "a version need");
    names.push(text(view.getUint32(at + 4, true)));
    const next = view.getUint32(at + 12, true);
    if (next === 0) break;
    at += next;
  }
  return names;
}

function valueOf(entries: readonly Entry[], wanted: number): number {
  const entry = entries.find(({ tag }) => tag === wanted);
  if (entry === undefined) throw malformed(`its dynamic array lacks the tag 0x${wanted.toString(16)}`);
  return entry.value;
}

function requireInside(bytes: Uint8Array, offset: number, length: number, what: string): void {
  if (offset + length > bytes.length)
    throw malformed(`${what} at ${offset} end at ${offset + length}, the file at ${bytes.length}`);
}

function numberAt(view: DataView, at: number): number {
  const value = view.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed(`the value 0x${value.toString(16)} at ${at} is absurd`);
  return Number(value);
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function malformed(reason: string): ErthError {
  return new ErthError({
    code: "ELF_MALFORMED",
    message: `What this ELF file needs cannot be changed: ${reason}.`,
    remedy: "get the file again: erth lock",
  });
}
