/** Windows programs of a few hundred bytes, made to order: valid unless an option makes them otherwise. */
import { NtExecutable, NtExecutableResource } from "resedit";

export interface SmallPe {
  readonly format?: "PE32" | "PE32+";
  readonly isDll?: boolean;
  /** Bytes of `.text`; two different programs differ in them. */
  readonly code?: Uint8Array;
  /** Adds `.rsrc` with these, before `.reloc`. */
  readonly resources?: readonly { type: number | string; id: number | string; bytes: Uint8Array }[];
  readonly hasRelocations?: boolean;
  /** `.reloc` follows `.rsrc` in the file and precedes it in memory. */
  readonly hasRelocationsBefore?: boolean;
  /** A section behind everything, which keeps resources from growing. */
  readonly lastSection?: string;
  /** Follows the sections. */
  readonly overlay?: Uint8Array;
  readonly directoryCount?: number;
  /** How many bytes the headers take in the file. */
  readonly sizeOfHeaders?: number;
}

export const PE_OFFSET = 0x80;
export const OPTIONAL_OFFSET = PE_OFFSET + 24;
const FILE_ALIGNMENT = 512;
const SECTION_ALIGNMENT = 4096;

/** Offset of the certificate table's directory entry. */
export function entryOffset(format: "PE32" | "PE32+" = "PE32+"): number {
  return OPTIONAL_OFFSET + (format === "PE32" ? 128 : 144);
}

export const CHECKSUM_OFFSET = OPTIONAL_OFFSET + 64;

interface Section {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly directory?: number;
}

export function smallPe(options: SmallPe = {}): Buffer {
  const { format = "PE32+", sizeOfHeaders = 1024, directoryCount = 16 } = options;
  const directoriesAt = format === "PE32" ? 96 : 112;
  const optionalBytes = directoriesAt + directoryCount * 8;
  const code = options.code ?? Buffer.alloc(700, 0xc3);
  const afterCode = SECTION_ALIGNMENT * (1 + Math.ceil(code.length / SECTION_ALIGNMENT));
  const addressOfResources = afterCode + (options.hasRelocationsBefore ? SECTION_ALIGNMENT : 0);
  const sections: Section[] = [{ name: ".text", bytes: code }];
  if (options.resources)
    sections.push({ name: ".rsrc", bytes: rsrc(options.resources, addressOfResources), directory: 2 });
  if (options.hasRelocations ?? true) sections.push({ name: ".reloc", bytes: Buffer.alloc(12, 0x0a), directory: 5 });
  if (options.lastSection) sections.push({ name: options.lastSection, bytes: Buffer.alloc(40, 0x77) });

  const head = Buffer.alloc(sizeOfHeaders);
  head.write("MZ", 0, "latin1");
  head.writeUInt32LE(PE_OFFSET, 0x3c);
  head.write("PE\0\0", PE_OFFSET, "latin1");
  head.writeUInt16LE(format === "PE32" ? 0x14c : 0x8664, PE_OFFSET + 4);
  head.writeUInt16LE(sections.length, PE_OFFSET + 6);
  head.writeUInt16LE(optionalBytes, PE_OFFSET + 20);
  head.writeUInt16LE(options.isDll ? 0x2022 : 0x22, PE_OFFSET + 22);
  head.writeUInt16LE(format === "PE32" ? 0x10b : 0x20b, OPTIONAL_OFFSET);
  head.writeUInt32LE(SECTION_ALIGNMENT, OPTIONAL_OFFSET + 32);
  head.writeUInt32LE(FILE_ALIGNMENT, OPTIONAL_OFFSET + 36);
  head.writeUInt32LE(sizeOfHeaders, OPTIONAL_OFFSET + 60);
  head.writeUInt16LE(3, OPTIONAL_OFFSET + 68);
  head.writeUInt32LE(directoryCount, OPTIONAL_OFFSET + directoriesAt - 4);

  const bodies: Buffer[] = [];
  let offset = sizeOfHeaders;
  let address = SECTION_ALIGNMENT;
  const placeInMemory = (name: string): number => {
    if (!options.hasRelocationsBefore) return address;
    return name === ".rsrc" ? addressOfResources : name === ".reloc" ? afterCode : address;
  };
  for (const [index, { name, bytes, directory }] of sections.entries()) {
    const at = OPTIONAL_OFFSET + optionalBytes + index * 40;
    const stored = Math.ceil(bytes.length / FILE_ALIGNMENT) * FILE_ALIGNMENT;
    head.write(name, at, "latin1");
    head.writeUInt32LE(bytes.length, at + 8);
    const loadedAt = placeInMemory(name);
    head.writeUInt32LE(loadedAt, at + 12);
    head.writeUInt32LE(stored, at + 16);
    head.writeUInt32LE(offset, at + 20);
    head.writeUInt32LE(0x4000_0040, at + 36);
    if (directory !== undefined && directory < directoryCount) {
      head.writeUInt32LE(loadedAt, OPTIONAL_OFFSET + directoriesAt + directory * 8);
      head.writeUInt32LE(bytes.length, OPTIONAL_OFFSET + directoriesAt + directory * 8 + 4);
    }
    bodies.push(Buffer.concat([bytes, Buffer.alloc(stored - bytes.length)]));
    offset += stored;
    address += Math.ceil(bytes.length / SECTION_ALIGNMENT) * SECTION_ALIGNMENT;
  }
  head.writeUInt32LE(address, OPTIONAL_OFFSET + 56);
  return Buffer.concat([head, ...bodies, options.overlay ?? Buffer.alloc(0)]);
}

function rsrc(resources: NonNullable<SmallPe["resources"]>, virtualAddress: number): Uint8Array {
  const tree = NtExecutableResource.from(NtExecutable.createEmpty());
  tree.entries = resources.map(({ type, id, bytes }) => ({
    type,
    id,
    lang: 1033,
    codepage: 0,
    bin: Uint8Array.from(bytes).buffer,
  }));
  const { bin, rawSize } = tree.generateResourceData(virtualAddress, FILE_ALIGNMENT, false, true);
  return new Uint8Array(bin).subarray(0, rawSize);
}
