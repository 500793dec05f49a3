/**
 * Where an ELF program's code and data lie, so that each is compressed with
 * its own kind: System V ABI, chapter 5, program headers; 64 bits, little endian.
 */
import type { BcjFilter } from "./bcj.ts";
import type { ByteSource } from "./elf-strip.ts";
import { tileRegions, type ProgramRegions } from "./region-tiles.ts";

const PAGE_BYTES = 4096;
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const MAX_PROGRAM_HEADERS = 128;
const PT_LOAD = 1;
const PF_X = 1;
const FILTERS = new Map<number, BcjFilter>([
  [62, "bcj-x86"],
  [183, "bcj-arm64"],
]);

/**
 * The regions of the ELF file that begins the source, cut at pages, up to
 * `length`; injecting puts the program headers behind what it injects, so the
 * source may be longer. Undefined for anything else, and for a file whose
 * headers make no sense, which is compressed as plain data.
 * The first page is a region of its own: its header names the section table,
 * which moves whenever something is appended to the program.
 */
export function elfRegions(source: ByteSource, length: number): ProgramRegions | undefined {
  if (length <= PAGE_BYTES || source.size < length) return undefined;
  const header = viewOf(source.read(0, HEADER_BYTES));
  const isElf64 = header.getUint32(0) === 0x7f454c46 && header.getUint16(4) === 0x0201;
  const filter = FILTERS.get(header.getUint16(18, true));
  const tableOffset = Number(header.getBigUint64(32, true));
  const count = header.getUint16(56, true);
  const isTableSane =
    header.getUint16(54, true) === PROGRAM_HEADER_BYTES &&
    count <= MAX_PROGRAM_HEADERS &&
    tableOffset + count * PROGRAM_HEADER_BYTES <= source.size;
  if (!isElf64 || !filter || !isTableSane) return undefined;

  const table = viewOf(source.read(tableOffset, count * PROGRAM_HEADER_BYTES));
  const code: [start: number, end: number][] = [];
  for (let at = 0; at < table.byteLength; at += PROGRAM_HEADER_BYTES) {
    if (table.getUint32(at, true) !== PT_LOAD || (table.getUint32(at + 4, true) & PF_X) === 0) continue;
    const offset = Number(table.getBigUint64(at + 8, true));
    const end = offset + Number(table.getBigUint64(at + 32, true));
    code.push([Math.floor(offset / PAGE_BYTES) * PAGE_BYTES, Math.ceil(end / PAGE_BYTES) * PAGE_BYTES]);
  }
  return { filter, regions: tileRegions(PAGE_BYTES, code, length) };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
