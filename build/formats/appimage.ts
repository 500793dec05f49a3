/**
 * The head of an AppImage of type 2 (AppImageSpec).
 *
 * Readers take for the image's start the end of the ELF file, which they find
 * by its section table. Ours ends after 12 KiB: header, program headers and
 * the sections for update information and signature. The program itself is
 * not repeated there; its segments are those of `AppRun` in the image, which
 * lies in it uncompressed, in one piece and on a page boundary:
 *
 *      0  ELF header, "AI\x02" at byte 8; program headers, moved by `programOffset`
 *    1 K  section headers, section names
 *    2 K  .upd_info     1 KiB, text
 *    3 K  .sha256_sig   1 KiB, armored signature
 *    4 K  .sig_key      8 KiB, armored public key
 *   12 K  squashfs; AppRun, a whole program of its own, at `programOffset` of the file
 *
 * So a start maps the program straight out of the image, nothing is mounted,
 * and the file is as small as its AppRun alone.
 */

/** Where the squashfs image begins. */
export const APPIMAGE_HEAD_BYTES = 12 << 10;
/** Pages of every machine that we run on divide this; arm64 has some of 64 KiB. */
export const APPRUN_ALIGN_BYTES = 64 << 10;
/** How many bytes of the program `encodeAppImageHead` has to see. */
export const PROGRAM_HEAD_BYTES = 1 << 10;
const UPDATE_INFORMATION_BYTES = 1 << 10;
export const SIGNATURE_SECTION = ".sha256_sig";
export const KEY_SECTION = ".sig_key";
const UPDATE_SECTION = ".upd_info";

const MAGIC = Buffer.from([0x41, 0x49, 0x02]);
const MAGIC_OFFSET = 8;
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const SECTION_HEADER_BYTES = 64;
const SHT_PROGBITS = 1;
const SHT_STRTAB = 3;
const SECTION_TABLE = 1 << 10;
const SECTION_NAMES = 0x600;
/** The last one ends the ELF file, which is how readers reckon. */
const SECTIONS = [
  { name: ".shstrtab", type: SHT_STRTAB, offset: SECTION_NAMES, bytes: 0x200 },
  { name: UPDATE_SECTION, type: SHT_PROGBITS, offset: 2 << 10, bytes: UPDATE_INFORMATION_BYTES },
  { name: SIGNATURE_SECTION, type: SHT_PROGBITS, offset: 3 << 10, bytes: 1 << 10 },
  { name: KEY_SECTION, type: SHT_PROGBITS, offset: 4 << 10, bytes: 8 << 10 },
] as const;

export interface AppImageHeadRequest {
  /** The program's first `PROGRAM_HEAD_BYTES`: a static 64-bit ELF executable. */
  readonly program: Uint8Array;
  /** Where the program lies in the finished file, a multiple of `APPRUN_ALIGN_BYTES`. */
  readonly programOffset: number;
  /** ASCII, or "" for none. */
  readonly updateInformation: string;
}

/** The first `APPIMAGE_HEAD_BYTES` of an AppImage, not signed. A program that does not fit is a bug. */
export function encodeAppImageHead({ program, programOffset, updateInformation }: AppImageHeadRequest): Buffer {
  const head = Buffer.alloc(APPIMAGE_HEAD_BYTES);
  const source = Buffer.from(program);
  const count = source.readUInt16LE(56);
  const tableEnd = HEADER_BYTES + count * PROGRAM_HEADER_BYTES;
  const isPlain =
    source.readUInt32BE(0) === 0x7f454c46 &&
    source.readUInt16LE(4) === 0x0102 &&
    source.readBigUInt64LE(32) === BigInt(HEADER_BYTES) &&
    source.readUInt16LE(54) === PROGRAM_HEADER_BYTES &&
    tableEnd <= SECTION_TABLE &&
    programOffset % APPRUN_ALIGN_BYTES === 0;
  if (!isPlain) throw new Error("the program is no ELF executable whose head fits an AppImage");
  if (Buffer.byteLength(updateInformation) >= UPDATE_INFORMATION_BYTES) {
    throw new Error(`the update information has ${Buffer.byteLength(updateInformation)} bytes`);
  }

  source.copy(head, 0, 0, tableEnd);
  MAGIC.copy(head, MAGIC_OFFSET);
  for (let at = HEADER_BYTES; at < tableEnd; at += PROGRAM_HEADER_BYTES) {
    // A segment without bytes in the file, like PT_GNU_STACK, lies nowhere.
    if (head.readBigUInt64LE(at + 32) === 0n) continue;
    head.writeBigUInt64LE(head.readBigUInt64LE(at + 8) + BigInt(programOffset), at + 8);
  }

  head.writeBigUInt64LE(BigInt(SECTION_TABLE), 40);
  head.writeUInt16LE(SECTION_HEADER_BYTES, 58);
  head.writeUInt16LE(SECTIONS.length + 1, 60);
  head.writeUInt16LE(1, 62); // which one holds the names
  let name = 1;
  for (const [number, section] of SECTIONS.entries()) {
    const at = SECTION_TABLE + (number + 1) * SECTION_HEADER_BYTES; // after the one that is null
    head.writeUInt32LE(name, at);
    head.writeUInt32LE(section.type, at + 4);
    head.writeBigUInt64LE(BigInt(section.offset), at + 24);
    head.writeBigUInt64LE(BigInt(section.bytes), at + 32);
    head.writeBigUInt64LE(1n, at + 48);
    head.write(section.name, SECTION_NAMES + name, "latin1");
    name += section.name.length + 1;
  }
  head.write(updateInformation, 2 << 10, "utf8");
  return head;
}
