/**
 * The headers of a Windows program: what signing, editing and verifying need
 * to know of them. PE32 and PE32+, little endian, every number checked against
 * the file before it is used. Follows Microsoft's "PE Format": DOS stub, COFF
 * header, optional header, section table, attribute certificate table.
 */
import { malformed, notPe, unsupported } from "./pe-errors.ts";

export interface PeSection {
  /** As stored, without trailing zeros; Latin-1, up to 8 characters. */
  readonly name: string;
  readonly virtualAddress: number;
  readonly virtualSize: number;
  /** Place in the file; both zero where nothing is stored. */
  readonly rawOffset: number;
  readonly rawBytes: number;
  readonly characteristics: number;
}

export interface PeDirectory {
  /** An RVA, save for the certificate table, where it is a file offset. */
  readonly address: number;
  readonly size: number;
}

export interface Pe {
  readonly format: "PE32" | "PE32+";
  readonly machine: number;
  /** Of the COFF header. */
  readonly characteristics: number;
  readonly subsystem: number;
  readonly optionalHeaderOffset: number;
  readonly sectionAlignment: number;
  readonly fileAlignment: number;
  readonly sizeOfImage: number;
  readonly sizeOfHeaders: number;
  readonly checksum: number;
  readonly checksumOffset: number;
  readonly directories: readonly PeDirectory[];
  readonly directoriesOffset: number;
  readonly sectionTableOffset: number;
  /** In the order of the table. */
  readonly sections: readonly PeSection[];
  /** Where the last section's stored bytes end, and the headers at least. */
  readonly imageEnd: number;
  readonly fileBytes: number;
}

/** Directory numbers, "Optional Header Data Directories". */
export const DIRECTORY = { resource: 2, certificate: 4, baseRelocation: 5 } as const;
export const DIRECTORY_ENTRY_BYTES = 8;
export const SECTION_HEADER_BYTES = 40;
/** So much of a file's beginning is all that `parsePe` looks at. */
export const MAX_HEAD_BYTES = 1 << 16;

const DOS_HEADER_BYTES = 64;
const COFF_OFFSET = 4;
const OPTIONAL_OFFSET = 24;
const PE32 = 0x10b;
const PE32_PLUS = 0x20b;
const DIRECTORIES_AT = { PE32: 96, "PE32+": 112 } as const;
const MAX_DIRECTORIES = 16;
const MAX_FILE_BYTES = 0xffff_ffff;

/** Parses the first `MAX_HEAD_BYTES` (or all) of a file. Throws `PE_NOT_PE`, `PE_MALFORMED` or `PE_UNSUPPORTED`. */
export function parsePe(head: Uint8Array, fileBytes: number): Pe {
  const view = new DataView(head.buffer, head.byteOffset, Math.min(head.byteLength, MAX_HEAD_BYTES));
  if (view.byteLength < DOS_HEADER_BYTES || view.getUint16(0, false) !== 0x4d5a)
    throw notPe("it does not begin with MZ");
  if (fileBytes > MAX_FILE_BYTES) throw unsupported(`it has ${fileBytes} bytes, and PE offsets end at 4 GiB`);
  const pe = view.getUint32(0x3c, true);
  if (pe % 4 !== 0) throw notPe(`its PE header would begin at offset ${pe}, which is not a multiple of 4`);
  within(view, pe, OPTIONAL_OFFSET, "its PE header");
  if (view.getUint32(pe, false) !== 0x5045_0000) throw notPe(`it has no PE header at offset ${pe}`);

  const coff = pe + COFF_OFFSET;
  const optionalHeaderOffset = pe + OPTIONAL_OFFSET;
  const optionalBytes = view.getUint16(coff + 16, true);
  within(view, optionalHeaderOffset, optionalBytes, "its optional header");
  if (optionalBytes < 2) throw notPe("it has no optional header, as object files have none");
  const format = formatOf(view.getUint16(optionalHeaderOffset, true));
  const directoriesOffset = optionalHeaderOffset + DIRECTORIES_AT[format];
  const directoryRoom = Math.floor((optionalBytes - DIRECTORIES_AT[format]) / DIRECTORY_ENTRY_BYTES);
  if (directoryRoom < 0) throw malformed(`its optional header has ${optionalBytes} bytes`);
  const directoryCount = view.getUint32(directoriesOffset - 4, true);
  if (directoryCount > Math.min(MAX_DIRECTORIES, directoryRoom)) {
    throw malformed(`it declares ${directoryCount} data directories and has room for ${directoryRoom}`);
  }

  const sectionTableOffset = optionalHeaderOffset + optionalBytes;
  const sectionCount = view.getUint16(coff + 2, true);
  within(view, sectionTableOffset, sectionCount * SECTION_HEADER_BYTES, `its table of ${sectionCount} sections`);
  const sizeOfHeaders = view.getUint32(optionalHeaderOffset + 60, true);
  const tableEnd = sectionTableOffset + sectionCount * SECTION_HEADER_BYTES;
  if (sizeOfHeaders < tableEnd || sizeOfHeaders > fileBytes) {
    throw malformed(`SizeOfHeaders is ${sizeOfHeaders}, the headers end at ${tableEnd}, the file at ${fileBytes}`);
  }
  const sections = Array.from({ length: sectionCount }, (_, index) =>
    sectionAt(view, sectionTableOffset + index * SECTION_HEADER_BYTES, fileBytes),
  );

  return {
    format,
    machine: view.getUint16(coff, true),
    characteristics: view.getUint16(coff + 18, true),
    subsystem: view.getUint16(optionalHeaderOffset + 68, true),
    optionalHeaderOffset,
    sectionAlignment: alignmentAt(view, optionalHeaderOffset + 32, "SectionAlignment"),
    fileAlignment: alignmentAt(view, optionalHeaderOffset + 36, "FileAlignment"),
    sizeOfImage: view.getUint32(optionalHeaderOffset + 56, true),
    sizeOfHeaders,
    checksum: view.getUint32(optionalHeaderOffset + 64, true),
    checksumOffset: optionalHeaderOffset + 64,
    directories: Array.from({ length: directoryCount }, (_, index) => ({
      address: view.getUint32(directoriesOffset + index * DIRECTORY_ENTRY_BYTES, true),
      size: view.getUint32(directoriesOffset + index * DIRECTORY_ENTRY_BYTES + 4, true),
    })),
    directoriesOffset,
    sectionTableOffset,
    sections,
    imageEnd: sections.reduce((end, { rawOffset, rawBytes }) => Math.max(end, rawOffset + rawBytes), sizeOfHeaders),
    fileBytes,
  };
}

/** Offset of the certificate table's directory entry. Throws `PE_UNSUPPORTED` where the header has no room for one. */
export function certificateEntryOffset(pe: Pe): number {
  if (pe.directories.length <= DIRECTORY.certificate) {
    throw unsupported(`its header has ${pe.directories.length} data directories, none for a certificate table`);
  }
  return pe.directoriesOffset + DIRECTORY.certificate * DIRECTORY_ENTRY_BYTES;
}

/** The stored bytes in file order as they lie between the headers and `imageEnd`, for finding gaps and overlaps. */
export function storedSections(pe: Pe): readonly PeSection[] {
  return pe.sections.filter(({ rawBytes }) => rawBytes > 0).sort((a, b) => a.rawOffset - b.rawOffset);
}

function formatOf(magic: number): Pe["format"] {
  if (magic === PE32) return "PE32";
  if (magic === PE32_PLUS) return "PE32+";
  throw notPe(`its optional header begins with 0x${magic.toString(16)}, neither PE32 nor PE32+`);
}

function sectionAt(view: DataView, at: number, fileBytes: number): PeSection {
  const nameBytes = new Uint8Array(view.buffer, view.byteOffset + at, 8);
  const name = Buffer.from(nameBytes).toString("latin1").replace(/\0+$/, "");
  const rawBytes = view.getUint32(at + 16, true);
  const rawOffset = rawBytes === 0 ? 0 : view.getUint32(at + 20, true);
  if (rawOffset + rawBytes > fileBytes) {
    throw malformed(`section ${JSON.stringify(name)} ends at ${rawOffset + rawBytes} of ${fileBytes} bytes`);
  }
  return {
    name,
    virtualSize: view.getUint32(at + 8, true),
    virtualAddress: view.getUint32(at + 12, true),
    // A section with a size and no place is uninitialized data.
    rawBytes: rawOffset === 0 ? 0 : rawBytes,
    rawOffset,
    characteristics: view.getUint32(at + 36, true),
  };
}

function alignmentAt(view: DataView, at: number, what: string): number {
  const value = view.getUint32(at, true);
  if (value === 0 || (value & (value - 1)) !== 0) throw malformed(`${what} is ${value}, not a power of two`);
  return value;
}

function within(view: DataView, offset: number, length: number, what: string): void {
  if (offset + length <= view.byteLength) return;
  if (offset + length > MAX_HEAD_BYTES) throw unsupported(`${what} lies beyond the first ${MAX_HEAD_BYTES} bytes`);
  throw malformed(`${what} at offset ${offset} is cut off`);
}
