/**
 * Universal ("fat") files: several Mach-O files, one per architecture, after a
 * big-endian table. Follows `mach-o/fat.h`; 32-bit offsets only, which is what
 * Apple's linkers and `lipo` write below 4 GiB.
 */
import { boundedView } from "../../build/formats/bounded-view.ts";
import type { ByteRange } from "../../build/formats/byte-range.ts";
import { machOMalformed, machOUnsupported } from "./mach-o-errors.ts";

export const FAT_MAGIC = 0xcafebabe;
const FAT_MAGIC_64 = 0xcafebabf;
const FAT_HEADER_BYTES = 8;
const FAT_ARCH_BYTES = 20;
const MAX_ALIGN_LOG2 = 15;

/**
 * A Java class file has the same magic, and its next word is the version of
 * its format: 43 and more since 1.0.2. No universal file has that many slices.
 */
const MAX_SLICES = 42;

/** The most that `parseFat` needs of a file's beginning. */
export const FAT_TABLE_BYTES = FAT_HEADER_BYTES + MAX_SLICES * FAT_ARCH_BYTES;

export interface FatSlice {
  readonly cpuType: number;
  readonly cpuSubtype: number;
  readonly offset: number;
  readonly size: number;
  /** The offset is a multiple of 2 to the power of this. */
  readonly alignLog2: number;
}

/** Whether these first bytes begin a universal file, and not a Java class file. */
export function isFat(head: Uint8Array): boolean {
  if (head.length < FAT_HEADER_BYTES) return false;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const magic = view.getUint32(0);
  if (magic !== FAT_MAGIC && magic !== FAT_MAGIC_64) return false;
  return view.getUint32(4) <= MAX_SLICES;
}

/** The slices of a universal file of `fileBytes`, in the order of the table. Throws `MACHO_MALFORMED` or `MACHO_UNSUPPORTED`. */
export function parseFat(head: Uint8Array, fileBytes: number): readonly FatSlice[] {
  const view = boundedView(head, "big", machOMalformed);
  if (view.u32(0, "the universal header") === FAT_MAGIC_64)
    throw machOUnsupported("its universal header is the 64-bit one");
  const count = view.u32(4, "the number of slices");
  if (count === 0 || count > MAX_SLICES) throw machOMalformed(`it says it has ${count} slices`);
  const slices: FatSlice[] = [];
  for (let index = 0; index < count; index += 1) {
    const at = FAT_HEADER_BYTES + index * FAT_ARCH_BYTES;
    const field = (offset: number): number => view.u32(at + offset, `the entry of slice ${index}`);
    const slice = { cpuType: field(0), cpuSubtype: field(4), offset: field(8), size: field(12), alignLog2: field(16) };
    requireSound(slice, index, count, fileBytes);
    slices.push(slice);
  }
  requireApart(slices);
  return slices;
}

function requireSound(slice: FatSlice, index: number, count: number, fileBytes: number): void {
  const { offset, size, alignLog2 } = slice;
  if (alignLog2 > MAX_ALIGN_LOG2) throw machOMalformed(`slice ${index} is aligned to 2^${alignLog2}`);
  if (offset % 2 ** alignLog2 !== 0) throw machOMalformed(`slice ${index} is not aligned to 2^${alignLog2}`);
  if (offset < FAT_HEADER_BYTES + count * FAT_ARCH_BYTES || size === 0 || offset + size > fileBytes) {
    throw machOMalformed(`slice ${index} lies outside it (${size} bytes at ${offset} of ${fileBytes})`);
  }
}

function requireApart(slices: readonly FatSlice[]): void {
  const sorted = slices.toSorted((a, b) => a.offset - b.offset);
  for (const [index, slice] of sorted.entries()) {
    const before = sorted[index - 1];
    if (before !== undefined && before.offset + before.size > slice.offset) throw machOMalformed("two slices overlap");
  }
  const kinds = new Set(slices.map(({ cpuType, cpuSubtype }) => `${cpuType}/${cpuSubtype}`));
  if (kinds.size !== slices.length) throw machOMalformed("two slices are for the same processor");
}

/** The header and table of a universal file. */
export function encodeFatTable(slices: readonly FatSlice[]): Uint8Array {
  const table = new Uint8Array(FAT_HEADER_BYTES + slices.length * FAT_ARCH_BYTES);
  const view = new DataView(table.buffer);
  view.setUint32(0, FAT_MAGIC);
  view.setUint32(4, slices.length);
  for (const [index, { cpuType, cpuSubtype, offset, size, alignLog2 }] of slices.entries()) {
    for (const [field, value] of [cpuType, cpuSubtype, offset, size, alignLog2].entries()) {
      view.setUint32(FAT_HEADER_BYTES + index * FAT_ARCH_BYTES + field * 4, value);
    }
  }
  return table;
}

/** The slices of a universal file, or undefined for any other file. */
export async function readFat(range: ByteRange): Promise<readonly FatSlice[] | undefined> {
  const head = await range.read(0, Math.min(range.size, FAT_TABLE_BYTES));
  return isFat(head) ? parseFat(head, range.size) : undefined;
}
