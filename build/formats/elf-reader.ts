/** Where the sections of an ELF file lie, 32 and 64 bits, little endian. Follows the System V ABI (gABI 4.3), chapter 4. Untrusted. */
import { ErthError } from "../../runtime/base/errors.ts";
import { boundedView } from "./bounded-view.ts";
import type { ByteRange } from "./byte-range.ts";

export interface ElfSection {
  readonly name: string;
  /** In the file; nothing is stored for `SHT_NOBITS`. */
  readonly offset: number;
  readonly size: number;
}

export interface ElfFile {
  /** `x64`, `arm64`, or the number of another machine. */
  readonly machine: string;
  /** "program", "shared object", or the number of another type; position-independent programs are shared objects. */
  readonly type: string;
  readonly sections: readonly ElfSection[];
  /** Where headers, segments and sections end; what follows is no part of the program. */
  readonly end: number;
}

const MACHINES: Readonly<Record<number, string>> = { 3: "x86", 40: "arm", 62: "x64", 183: "arm64" };
const TYPES: Readonly<Record<number, string>> = { 1: "object", 2: "program", 3: "shared object", 4: "core dump" };
const SHT_NOBITS = 8;
const MAX_SECTIONS = 4096;
const MAX_SEGMENTS = 512;
const MAX_NAMES_BYTES = 1 << 20;

/** Where the fields lie that differ between both classes. */
const CLASSES = {
  1: { header: 52, phoff: 28, shoff: 32, counts: 42, segment: 32, section: 40, wide: false },
  2: { header: 64, phoff: 32, shoff: 40, counts: 54, segment: 56, section: 64, wide: true },
} as const;

/** Whether these first bytes begin an ELF file. */
export function isElf(head: Uint8Array): boolean {
  return Buffer.from(head.subarray(0, 4)).toString("latin1") === "\u007fELF";
}

/** Reads headers, segments and sections. Throws `ELF_MALFORMED`. */
export async function readElf(range: ByteRange): Promise<ElfFile> {
  const head = await range.read(0, Math.min(64, range.size));
  const view = boundedView(head, "little", malformed);
  if (!isElf(head)) throw malformed("it does not begin with the ELF magic");
  const elfClass = view.u8(4, "its header");
  const order = view.u8(5, "its header");
  if ((elfClass !== 1 && elfClass !== 2) || order !== 1)
    throw malformed(`its class is ${elfClass}, its byte order ${order}`);
  const layout = CLASSES[elfClass];
  view.bytes(0, layout.header, "its header");
  const u16 = (at: number): number => view.u8(at, "its header") | (view.u8(at + 1, "its header") << 8);
  const address = (at: number): number => (layout.wide ? view.u64(at, "its header") : view.u32(at, "its header"));
  const [segmentOffset, sectionOffset] = [address(layout.phoff), address(layout.shoff)];
  const segmentCount = u16(layout.counts + 2);
  const [sectionBytes, sectionCount, namesIndex] = [
    u16(layout.counts + 4),
    u16(layout.counts + 6),
    u16(layout.counts + 8),
  ];
  if (segmentCount > MAX_SEGMENTS || sectionCount > MAX_SECTIONS)
    throw malformed(`it has ${segmentCount} segments and ${sectionCount} sections`);
  if (
    (segmentCount > 0 && u16(layout.counts) !== layout.segment) ||
    (sectionCount > 0 && sectionBytes !== layout.section)
  )
    throw malformed("its tables have entries of another size");

  const segments = await table(range, segmentOffset, segmentCount, layout.segment, "its segments");
  const sections = await table(range, sectionOffset, sectionCount, layout.section, "its sections");
  let end = Math.max(
    layout.header,
    segmentCount === 0 ? 0 : segmentOffset + segmentCount * layout.segment,
    sectionCount === 0 ? 0 : sectionOffset + sectionCount * layout.section,
  );
  for (const segment of segments) {
    const [offset, size] = layout.wide
      ? [segment.u64(8, "a segment"), segment.u64(32, "a segment")]
      : [segment.u32(4, "a segment"), segment.u32(16, "a segment")];
    end = Math.max(end, size === 0 ? 0 : offset + size);
  }
  const places = sections.map((section) => {
    const isStored = section.u32(4, "a section") !== SHT_NOBITS;
    const [offset, size] = layout.wide
      ? [section.u64(24, "a section"), section.u64(32, "a section")]
      : [section.u32(16, "a section"), section.u32(20, "a section")];
    if (isStored && size > 0) end = Math.max(end, offset + size);
    return { nameAt: section.u32(0, "a section"), offset, size: isStored ? size : 0 };
  });
  if (end > range.size) throw malformed(`its parts end at ${end} of ${range.size} bytes`);
  const names = places[namesIndex];
  const nameBytes =
    names && names.size > 0 && names.size <= MAX_NAMES_BYTES
      ? await range.read(names.offset, names.size)
      : new Uint8Array();
  const machine = u16(18);
  return {
    machine: MACHINES[machine] ?? String(machine),
    type: TYPES[u16(16)] ?? String(u16(16)),
    sections: places.map(({ nameAt, offset, size }) => ({ name: nameOf(nameBytes, nameAt), offset, size })),
    end,
  };
}

async function table(range: ByteRange, offset: number, count: number, entryBytes: number, what: string) {
  const bytes = count * entryBytes;
  if (offset + bytes > range.size) throw malformed(`${what} lie outside it`);
  const all = count === 0 ? new Uint8Array() : await range.read(offset, bytes);
  return Array.from({ length: count }, (_, index) =>
    boundedView(all.subarray(index * entryBytes, (index + 1) * entryBytes), "little", malformed),
  );
}

function nameOf(names: Uint8Array, at: number): string {
  const end = names.indexOf(0, at);
  return at >= names.length || end < 0 ? "" : Buffer.from(names.subarray(at, end)).toString("latin1");
}

function malformed(what: string): ErthError {
  return new ErthError({
    code: "ELF_MALFORMED",
    message: `The ELF file is damaged: ${what}.`,
    remedy: "build or download the file again: erth package",
  });
}
