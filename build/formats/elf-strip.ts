/**
 * What `strip -s` does to an ELF program or shared object: everything that no
 * segment loads (symbols, debug information, notes for linkers) goes, loaded
 * bytes stay where they are. Follows the ELF-64 Object File Format, 1.5; x64
 * and arm64, little endian.
 *
 * The result is three runs, so that a caller can stream a big file: a new ELF
 * header, the loaded bytes unchanged, and a new section table. Section numbers
 * stay as they are (a dropped section between kept ones becomes SHT_NULL),
 * because symbols and links name sections by number.
 */
import { ErthError } from "../../runtime/base/errors.ts";

/** Random access to a file's bytes; `read` gives exactly `length` bytes. */
export interface ByteSource {
  readonly size: number;
  read(offset: number, length: number): Uint8Array;
}

export interface ElfStripPlan {
  /** Replaces the first 64 bytes. */
  readonly header: Uint8Array;
  /** How many of the file's leading bytes are kept, the header's among them. */
  readonly keepBytes: number;
  /** Follows the kept bytes: padding, section names, section table. */
  readonly tail: Uint8Array;
}

const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const SECTION_HEADER_BYTES = 64;
const ET_EXEC = 2;
const ET_DYN = 3;
const EM_X86_64 = 62;
const EM_AARCH64 = 183;
const SHT_NULL = 0;
const SHT_STRTAB = 3;
const SHT_NOBITS = 8;
const SHF_ALLOC = 2n;
const SHF_INFO_LINK = 0x40n;
const NAMES = ".shstrtab";

/** Plans the strip. Throws `ELF_UNSUPPORTED` for other kinds of ELF, `ELF_MALFORMED` for damaged ones. */
export function planElfStrip(source: ByteSource): ElfStripPlan {
  const header = Uint8Array.from(bytesAt(source, 0, HEADER_BYTES, "the ELF header"));
  const view = viewOf(header);
  requireSupported(header, view);

  const segments = table(source, view, 0x20, 0x36, 0x38, PROGRAM_HEADER_BYTES, "program header");
  const sections = table(source, view, 0x28, 0x3a, 0x3c, SECTION_HEADER_BYTES, "section header");
  if (sections.length === 0) return { header, keepBytes: source.size, tail: new Uint8Array(0) };

  let keepBytes = Math.max(HEADER_BYTES, offsetAt(view, 0x20) + segments.length * PROGRAM_HEADER_BYTES);
  for (const segment of segments) {
    keepBytes = Math.max(keepBytes, rangeEnd(source, segment, 0x08, 0x20, "segment"));
  }
  let described = Math.max(keepBytes, offsetAt(view, 0x28) + sections.length * SECTION_HEADER_BYTES);
  let kept = 1;
  for (const [index, section] of sections.entries()) {
    const end = isStored(section) ? rangeEnd(source, section, 0x18, 0x20, "section") : 0;
    described = Math.max(described, end);
    if (!isLoaded(section)) continue;
    keepBytes = Math.max(keepBytes, end);
    kept = index + 1;
  }
  if (described < source.size) {
    throw unsupported(`${source.size - described} bytes follow its last section, and stripping would lose them`);
  }

  const names = namesOf(source, sections, view.getUint16(0x3e, true));
  const { table: strings, offsets } = renderNames(
    sections.slice(0, kept).map((section, index) => (isLoaded(section) ? names(index) : "")),
  );
  const headers = new Uint8Array((kept + 1) * SECTION_HEADER_BYTES);
  for (const [index, section] of sections.slice(0, kept).entries()) {
    if (!isLoaded(section)) continue;
    headers.set(relinked(section, offsets[index] ?? 0, sections, kept), index * SECTION_HEADER_BYTES);
  }
  const namesHeader = new DataView(headers.buffer, kept * SECTION_HEADER_BYTES);
  namesHeader.setUint32(0x00, strings.length - NAMES.length - 1, true);
  namesHeader.setUint32(0x04, SHT_STRTAB, true);
  namesHeader.setBigUint64(0x18, BigInt(keepBytes), true);
  namesHeader.setBigUint64(0x20, BigInt(strings.length), true);
  namesHeader.setBigUint64(0x30, 1n, true);

  const tableOffset = alignUp(keepBytes + strings.length, 8);
  const tail = new Uint8Array(tableOffset - keepBytes + headers.length);
  tail.set(strings, 0);
  tail.set(headers, tableOffset - keepBytes);
  view.setBigUint64(0x28, BigInt(tableOffset), true);
  view.setUint16(0x3c, kept + 1, true);
  view.setUint16(0x3e, kept, true);
  return { header, keepBytes, tail };
}

function requireSupported(header: Uint8Array, view: DataView): void {
  const magic = header[0] === 0x7f && header[1] === 0x45 && header[2] === 0x4c && header[3] === 0x46;
  if (!magic) throw unsupported("it does not begin with the ELF magic");
  if (header[4] !== 2 || header[5] !== 1) throw unsupported("it is not 64-bit little endian");
  const type = view.getUint16(0x10, true);
  if (type !== ET_EXEC && type !== ET_DYN) throw unsupported(`its e_type is ${type}, not a program or shared object`);
  const machine = view.getUint16(0x12, true);
  if (machine !== EM_X86_64 && machine !== EM_AARCH64)
    throw unsupported(`its e_machine is ${machine}, not x64 or arm64`);
}

function table(
  source: ByteSource,
  view: DataView,
  offsetField: number,
  sizeField: number,
  countField: number,
  entryBytes: number,
  what: string,
): readonly DataView[] {
  const count = view.getUint16(countField, true);
  const offset = offsetAt(view, offsetField);
  if (count === 0) {
    // Zero entries at a place mean "more than 65279, the number is elsewhere".
    if (offset !== 0 && what === "section header") throw unsupported("it numbers its sections the extended way");
    return [];
  }
  const size = view.getUint16(sizeField, true);
  if (size !== entryBytes) throw malformed(`a ${what} has ${size} bytes instead of ${entryBytes}`);
  const bytes = Uint8Array.from(bytesAt(source, offset, count * entryBytes, `the ${what} table`));
  return Array.from({ length: count }, (_, index) => new DataView(bytes.buffer, index * entryBytes, entryBytes));
}

const isLoaded = (section: DataView): boolean =>
  section.getUint32(0x04, true) !== SHT_NULL && (section.getBigUint64(0x08, true) & SHF_ALLOC) !== 0n;

const isStored = (section: DataView): boolean => {
  const type = section.getUint32(0x04, true);
  return type !== SHT_NULL && type !== SHT_NOBITS;
};

/** A kept section's header under its new name, without links to what is gone. */
function relinked(section: DataView, name: number, sections: readonly DataView[], kept: number): Uint8Array {
  const copy = Uint8Array.from(new Uint8Array(section.buffer, section.byteOffset, SECTION_HEADER_BYTES));
  const view = viewOf(copy);
  const isGone = (index: number): boolean => {
    const target = sections[index];
    return target === undefined || index >= kept || !isLoaded(target);
  };
  view.setUint32(0x00, name, true);
  if (isGone(view.getUint32(0x28, true))) view.setUint32(0x28, 0, true);
  const infoIsLink = (view.getBigUint64(0x08, true) & SHF_INFO_LINK) !== 0n;
  if (infoIsLink && isGone(view.getUint32(0x2c, true))) view.setUint32(0x2c, 0, true);
  return copy;
}

function namesOf(source: ByteSource, sections: readonly DataView[], index: number): (section: number) => string {
  const table = sections[index];
  if (table === undefined || !isStored(table))
    throw malformed(`its section names are in section ${index}, which has none`);
  const bytes = bytesAt(source, offsetAt(table, 0x18), offsetAt(table, 0x20), "the section names");
  return (section) => {
    const start = sections[section]?.getUint32(0x00, true) ?? 0;
    const end = bytes.indexOf(0, start);
    if (end < 0) throw malformed(`the name of section ${section} has no end`);
    return String.fromCharCode(...bytes.subarray(start, end));
  };
}

/** A string table of these names and `.shstrtab` at its end; an empty name is at 0. */
function renderNames(names: readonly string[]): { readonly table: Uint8Array; readonly offsets: readonly number[] } {
  let text = "\0";
  const offsets = names.map((name) => {
    if (name === "") return 0;
    const offset = text.length;
    text += `${name}\0`;
    return offset;
  });
  return { table: Uint8Array.from(`${text}${NAMES}\0`, (letter) => letter.charCodeAt(0)), offsets };
}

function rangeEnd(source: ByteSource, entry: DataView, offsetField: number, sizeField: number, what: string): number {
  const offset = offsetAt(entry, offsetField);
  const end = offset + offsetAt(entry, sizeField);
  if (end > source.size) throw malformed(`a ${what} at ${offset} ends at ${end}, the file at ${source.size}`);
  return end;
}

function bytesAt(source: ByteSource, offset: number, length: number, what: string): Uint8Array {
  if (offset + length > source.size) {
    throw malformed(`${what} at ${offset} has ${length} bytes, the file ends at ${source.size}`);
  }
  return source.read(offset, length);
}

function offsetAt(view: DataView, field: number): number {
  const value = view.getBigUint64(field, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed(`the offset or size 0x${value.toString(16)} is absurd`);
  return Number(value);
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const alignUp = (value: number, to: number): number => Math.ceil(value / to) * to;

function unsupported(reason: string): ErthError {
  return new ErthError({
    code: "ELF_UNSUPPORTED",
    message: `This file cannot be stripped: ${reason}.`,
    remedy: "use it as it is, or strip it with its own toolchain",
  });
}

function malformed(reason: string): ErthError {
  return new ErthError({
    code: "ELF_MALFORMED",
    message: `This ELF file is damaged: ${reason}.`,
    remedy: "get the file again: erth lock",
  });
}
