/** What compressing and unpacking need of a Windows program: PE Format, 64 bits. */
import type { ByteSource } from "./elf-strip.ts";

export interface PeOutline {
  /** `IMAGE_FILE_MACHINE_…` */
  readonly machine: number;
  readonly headerBytes: number;
  readonly sections: readonly PeOutlineSection[];
  /** The attribute certificate table, where a signature is; it lies outside all sections. */
  readonly certificates: { readonly offset: number; readonly bytes: number } | undefined;
}

export interface PeOutlineSection {
  readonly offset: number;
  readonly bytes: number;
  readonly isCode: boolean;
}

const DOS_HEADER_BYTES = 64;
const MAX_HEADERS_OFFSET = 1 << 20;
const FILE_HEADER_BYTES = 24;
const SECTION_HEADER_BYTES = 40;
const MAX_SECTIONS = 96;
const MAGIC_PE32_PLUS = 0x20b;
const SIZE_OF_HEADERS = 60;
const DIRECTORY_COUNT = 108;
const DIRECTORIES = 112;
const CERTIFICATE_DIRECTORY = 4;
const IMAGE_SCN_MEM_EXECUTE = 0x2000_0000;

/** The outline of the program that begins the source; undefined for anything else. */
export function readPeOutline(source: ByteSource): PeOutline | undefined {
  if (source.size < DOS_HEADER_BYTES) return undefined;
  const dos = Buffer.from(source.read(0, DOS_HEADER_BYTES));
  if (dos.toString("latin1", 0, 2) !== "MZ") return undefined;
  const at = dos.readUInt32LE(60);
  if (at > MAX_HEADERS_OFFSET || at + FILE_HEADER_BYTES > source.size) return undefined;
  const head = Buffer.from(source.read(at, FILE_HEADER_BYTES));
  const [count, optionalBytes] = [head.readUInt16LE(6), head.readUInt16LE(20)];
  const tableAt = at + FILE_HEADER_BYTES + optionalBytes;
  const end = tableAt + count * SECTION_HEADER_BYTES;
  const isPlausible = head.toString("latin1", 0, 4) === "PE\0\0" && optionalBytes >= DIRECTORIES;
  if (!isPlausible || count > MAX_SECTIONS || end > source.size) return undefined;
  const optional = Buffer.from(source.read(at + FILE_HEADER_BYTES, optionalBytes));
  if (optional.readUInt16LE(0) !== MAGIC_PE32_PLUS) return undefined;
  const table = Buffer.from(source.read(tableAt, count * SECTION_HEADER_BYTES));
  return {
    machine: head.readUInt16LE(4),
    headerBytes: optional.readUInt32LE(SIZE_OF_HEADERS),
    sections: Array.from({ length: count }, (_, number) => sectionOf(table.subarray(number * SECTION_HEADER_BYTES))),
    certificates: certificatesOf(optional),
  };
}

function sectionOf(header: Buffer): PeOutlineSection {
  return {
    bytes: header.readUInt32LE(16),
    offset: header.readUInt32LE(20),
    isCode: (header.readUInt32LE(36) & IMAGE_SCN_MEM_EXECUTE) !== 0,
  };
}

function certificatesOf(optional: Buffer): PeOutline["certificates"] {
  const at = DIRECTORIES + CERTIFICATE_DIRECTORY * 8;
  if (optional.readUInt32LE(DIRECTORY_COUNT) <= CERTIFICATE_DIRECTORY || at + 8 > optional.length) return undefined;
  const [offset, bytes] = [optional.readUInt32LE(at), optional.readUInt32LE(at + 4)];
  return bytes === 0 ? undefined : { offset, bytes };
}
