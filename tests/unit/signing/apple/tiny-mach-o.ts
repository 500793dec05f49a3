/** Small Mach-O files made for tests: a header, `__TEXT` and `__LINKEDIT`, and what a test asks for besides. */
import { encodeFatTable } from "../../../../signing/apple/fat.ts";

export interface TinyMachO {
  readonly architecture?: "arm64" | "x86_64";
  /** 2 program (default), 6 library, 8 bundle. */
  readonly fileType?: number;
  readonly textBytes?: number;
  readonly linkEditBytes?: number;
  /** Free bytes between the load commands and the first section. */
  readonly roomBytes?: number;
  /** Names of empty segments besides. */
  readonly segments?: readonly string[];
  readonly infoPlist?: string;
  readonly trailing?: Uint8Array;
}

const HEADER_BYTES = 32;
const CPU = { arm64: 0x0100000c, x86_64: 0x01000007 };

/** The bytes of a thin, unsigned file. */
export function tinyMachO(options: TinyMachO = {}): Buffer {
  const { architecture = "arm64", fileType = 2, linkEditBytes = 100, roomBytes = 64, segments = [] } = options;
  const infoPlist = Buffer.from(options.infoPlist ?? "");
  const sections = infoPlist.length > 0 ? 2 : 1;
  const commandsBytes = 72 + 80 * sections + 72 * segments.length + 72 + 24 + 24;
  const codeOffset = HEADER_BYTES + commandsBytes + roomBytes;
  const textBytes = Math.max(options.textBytes ?? 16384, codeOffset + 64 + infoPlist.length);
  const file = Buffer.alloc(textBytes + linkEditBytes);
  // Recognisable bytes, so that a page that moves does not go unnoticed.
  for (let at = codeOffset; at < file.length; at += 1) file[at] = (at * 31 + (at >> 8)) & 0xff;
  infoPlist.copy(file, codeOffset);

  const words = [0xfeedfacf, CPU[architecture], 0, fileType, 4 + segments.length, commandsBytes, 0x85, 0];
  words.forEach((word, index) => file.writeUInt32LE(word, index * 4));
  let at = HEADER_BYTES;
  const segment = (name: string, offset: number, size: number, own: readonly [string, number, number][]): void => {
    file.writeUInt32LE(0x19, at);
    file.writeUInt32LE(72 + own.length * 80, at + 4);
    file.write(name, at + 8, "latin1");
    file.writeBigUInt64LE(BigInt(offset), at + 24);
    file.writeBigUInt64LE(BigInt(size), at + 32);
    file.writeBigUInt64LE(BigInt(offset), at + 40);
    file.writeBigUInt64LE(BigInt(size), at + 48);
    file.writeUInt32LE(own.length, at + 64);
    at += 72;
    for (const [section, sectionOffset, sectionSize] of own) {
      file.write(section, at, "latin1");
      file.write(name, at + 16, "latin1");
      file.writeBigUInt64LE(BigInt(sectionSize), at + 40);
      file.writeUInt32LE(sectionOffset, at + 48);
      at += 80;
    }
  };
  segment("__TEXT", 0, textBytes, [
    ...(infoPlist.length > 0 ? [["__info_plist", codeOffset, infoPlist.length] as [string, number, number]] : []),
    ["__text", codeOffset + infoPlist.length, textBytes - codeOffset - infoPlist.length],
  ]);
  for (const name of segments) segment(name, 0, 0, []);
  segment("__LINKEDIT", textBytes, linkEditBytes, []);
  // LC_SYMTAB over all of __LINKEDIT: no symbols, and a string table.
  file.writeUInt32LE(2, at);
  file.writeUInt32LE(24, at + 4);
  file.writeUInt32LE(textBytes, at + 8);
  file.writeUInt32LE(0, at + 12);
  file.writeUInt32LE(textBytes, at + 16);
  file.writeUInt32LE(linkEditBytes, at + 20);
  at += 24;
  // LC_BUILD_VERSION: macOS 13.0, SDK 15.5.
  [0x32, 24, 1, 0x000d0000, 0x000f0500, 0].forEach((word, index) => file.writeUInt32LE(word, at + index * 4));
  return Buffer.concat([file, options.trailing ?? new Uint8Array(0)]);
}

/** A universal file of these thin ones, each on its own page of 2^14 bytes. */
export function tinyFat(...slices: readonly Buffer[]): Buffer {
  const table = slices.map((slice, index) => {
    const before = slices.slice(0, index).reduce((end, one) => Math.ceil((end + one.length) / 16384) * 16384, 16384);
    return {
      cpuType: slice.readUInt32LE(4),
      cpuSubtype: slice.readUInt32LE(8),
      offset: before,
      size: slice.length,
      alignLog2: 14,
    };
  });
  const last = table.at(-1);
  const file = Buffer.alloc((last?.offset ?? 0) + (last?.size ?? 0));
  file.set(encodeFatTable(table));
  slices.forEach((slice, index) => file.set(slice, table[index]?.offset));
  return file;
}
