/**
 * Where an ELF program's code and data lie, so that each is compressed with
 * its own kind: System V ABI, chapter 5, program headers; 64 bits, little endian.
 */
import type { BcjFilter } from "./bcj.ts";
import type { ByteSource } from "./elf-strip.ts";

export interface ElfRegion {
  readonly kind: "head" | "code" | "data";
  readonly offset: number;
  readonly length: number;
}

export interface ElfRegions {
  readonly filter: BcjFilter;
  /** From the first byte to the last, none empty. */
  readonly regions: readonly ElfRegion[];
}

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
export function elfRegions(source: ByteSource, length: number): ElfRegions | undefined {
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
  return { filter, regions: tile(code, length) };
}

function tile(code: readonly (readonly [start: number, end: number])[], size: number): ElfRegion[] {
  const regions: ElfRegion[] = [{ kind: "head", offset: 0, length: PAGE_BYTES }];
  let at = PAGE_BYTES;
  const add = (kind: ElfRegion["kind"], end: number): void => {
    if (end > at) regions.push({ kind, offset: at, length: end - at });
    at = Math.max(at, end);
  };
  for (const [start, end] of [...code].sort(([a], [b]) => a - b)) {
    add("data", Math.min(start, size));
    add("code", Math.min(end, size));
  }
  add("data", size);
  return regions;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
