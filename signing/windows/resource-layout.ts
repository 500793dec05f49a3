/**
 * Where a new resource section goes in a Windows program, and the headers that
 * say so. `pe-library` can lay out a whole program too, but holds it in memory
 * three times, and refuses or misplaces what follows the resources; so only
 * the section's content is its work.
 *
 * - Resources at the end, or before nothing but relocations: the section is
 *   replaced, and the relocations move, which only their directory points at.
 * - No resources: a section is added behind the others.
 */
import { alignUp } from "./certificate-table.ts";
import { DIRECTORY, DIRECTORY_ENTRY_BYTES, type Pe, type PeSection, SECTION_HEADER_BYTES } from "./pe.ts";
import { unsupported } from "./pe-errors.ts";

export interface ResourcePlace {
  /** RVA of the new section, for which its content is made. */
  readonly virtualAddress: number;
  /** The new content goes here, in place of `replacedBytes` of the input. */
  readonly offset: number;
  readonly replacedBytes: number;
  /** Index in the section table; its length for an added section. */
  readonly sectionIndex: number;
}

const SYMBOL_TABLE_FIELD = 8;
const OPTIONAL_FROM_COFF = 20;
const INITIALIZED_DATA_FIELD = 8;
const SIZE_OF_IMAGE_FIELD = 56;
const READ_INITIALIZED_DATA = 0x4000_0040;

/** The section that the program's resources are in; undefined if it has none. Throws `PE_UNSUPPORTED`. */
export function resourceSection(pe: Pe): PeSection | undefined {
  const directory = pe.directories[DIRECTORY.resource];
  if (!directory || directory.address === 0) return undefined;
  const section = pe.sections.find(({ virtualAddress }) => virtualAddress === directory.address);
  if (!section) throw unsupported("its resources do not begin where a section does");
  return section;
}

/** Plans the place. Throws `PE_UNSUPPORTED` where other data is in the way. */
export function placeResources(pe: Pe, head: Uint8Array): ResourcePlace {
  if (pe.directories.length <= DIRECTORY.resource) throw unsupported("its header has no data directory for resources");
  const current = resourceSection(pe);
  if (!current) return addedSection(pe, head);
  if (current.rawBytes === 0) throw unsupported("the section of its resources is empty");
  const relocations = pe.directories[DIRECTORY.baseRelocation]?.address;
  for (const other of pe.sections) {
    const follows = other.virtualAddress > current.virtualAddress || other.rawOffset > current.rawOffset;
    if (follows && other.virtualAddress !== relocations) {
      throw unsupported(`section ${JSON.stringify(other.name)} follows its resources, which then cannot grow`);
    }
  }
  return {
    virtualAddress: current.virtualAddress,
    offset: current.rawOffset,
    replacedBytes: current.rawBytes,
    sectionIndex: pe.sections.indexOf(current),
  };
}

function addedSection(pe: Pe, head: Uint8Array): ResourcePlace {
  const tableEnd = pe.sectionTableOffset + pe.sections.length * SECTION_HEADER_BYTES;
  const newEnd = tableEnd + SECTION_HEADER_BYTES;
  const isFree = newEnd <= pe.sizeOfHeaders && head.subarray(tableEnd, newEnd).every((byte) => byte === 0);
  if (!isFree) throw unsupported("its headers have no room for one more section");
  if (pe.imageEnd % pe.fileAlignment !== 0) {
    throw unsupported(`its last section ends at ${pe.imageEnd}, which is not a multiple of ${pe.fileAlignment}`);
  }
  return {
    virtualAddress: imageSize(pe.sections, pe),
    offset: pe.imageEnd,
    replacedBytes: 0,
    sectionIndex: pe.sections.length,
  };
}

/** The headers (`sizeOfHeaders` bytes) for a section of this content: unsigned, checksum zero. */
export function resourceHeaders(
  pe: Pe,
  head: Uint8Array,
  place: ResourcePlace,
  content: { readonly bytes: number; readonly virtualBytes: number },
): Uint8Array {
  const old = pe.sections[place.sectionIndex];
  const rawShift = content.bytes - place.replacedBytes;
  const oldVirtual = old ? alignUp(loadedBytes(old), pe.sectionAlignment) : 0;
  const virtualShift = old ? alignUp(content.virtualBytes, pe.sectionAlignment) - oldVirtual : 0;
  const sections = pe.sections.map((section) => {
    const isLaterInMemory = section.virtualAddress > place.virtualAddress;
    const isLaterInFile = section.rawBytes > 0 && section.rawOffset > place.offset;
    if (!isLaterInMemory && !isLaterInFile) return section;
    return {
      ...section,
      virtualAddress: section.virtualAddress + (isLaterInMemory ? virtualShift : 0),
      rawOffset: section.rawOffset + (isLaterInFile ? rawShift : 0),
    };
  });
  sections[place.sectionIndex] = {
    name: old?.name ?? ".rsrc",
    virtualAddress: place.virtualAddress,
    virtualSize: content.virtualBytes,
    rawOffset: place.offset,
    rawBytes: content.bytes,
    characteristics: old?.characteristics ?? READ_INITIALIZED_DATA,
  };

  const headers = Uint8Array.from(head.subarray(0, pe.sizeOfHeaders));
  const view = new DataView(headers.buffer);
  for (const [index, section] of sections.entries()) {
    if (section !== pe.sections[index])
      writeSection(view, pe.sectionTableOffset + index * SECTION_HEADER_BYTES, section);
  }
  const coff = pe.optionalHeaderOffset - OPTIONAL_FROM_COFF;
  view.setUint16(coff + 2, sections.length, true);
  const symbols = view.getUint32(coff + SYMBOL_TABLE_FIELD, true);
  if (symbols >= place.offset + place.replacedBytes)
    view.setUint32(coff + SYMBOL_TABLE_FIELD, symbols + rawShift, true);
  const initialized = pe.optionalHeaderOffset + INITIALIZED_DATA_FIELD;
  view.setUint32(initialized, view.getUint32(initialized, true) + rawShift, true);
  view.setUint32(pe.optionalHeaderOffset + SIZE_OF_IMAGE_FIELD, imageSize(sections, pe), true);
  view.setUint32(pe.checksumOffset, 0, true);

  const setDirectory = (index: number, address: number, size: number): void => {
    if (index >= pe.directories.length) return;
    const at = pe.directoriesOffset + index * DIRECTORY_ENTRY_BYTES;
    view.setUint32(at, address, true);
    view.setUint32(at + 4, size, true);
  };
  setDirectory(DIRECTORY.resource, place.virtualAddress, content.virtualBytes);
  setDirectory(DIRECTORY.certificate, 0, 0);
  const relocations = pe.directories[DIRECTORY.baseRelocation];
  if (relocations && relocations.address > place.virtualAddress) {
    setDirectory(DIRECTORY.baseRelocation, relocations.address + virtualShift, relocations.size);
  }
  return headers;
}

function writeSection(view: DataView, at: number, section: PeSection): void {
  const name = Buffer.alloc(8);
  name.write(section.name, "latin1");
  new Uint8Array(view.buffer, at, 8).set(name);
  view.setUint32(at + 8, section.virtualSize, true);
  view.setUint32(at + 12, section.virtualAddress, true);
  view.setUint32(at + 16, section.rawBytes, true);
  view.setUint32(at + 20, section.rawOffset, true);
  view.setUint32(at + 36, section.characteristics, true);
}

function imageSize(sections: readonly PeSection[], { sectionAlignment, sizeOfHeaders }: Pe): number {
  const end = sections.reduce(
    (last, section) => Math.max(last, section.virtualAddress + loadedBytes(section)),
    sizeOfHeaders,
  );
  return alignUp(end, sectionAlignment);
}

function loadedBytes({ virtualSize, rawBytes }: PeSection): number {
  return virtualSize || rawBytes;
}
