/**
 * One Mach-O file (or one slice of a universal one): its header, segments and
 * the place of its signature. Follows `mach-o/loader.h`; 64-bit little endian.
 * The file is untrusted: every offset is checked against its size.
 */
import { type BoundedView, boundedView } from "../../build/formats/bounded-view.ts";
import type { ByteRange } from "../../build/formats/byte-range.ts";
import { linkEditTableEnd, type LoadCommand, requireCommandBytes, requireInside } from "./load-command.ts";
import { machOMalformed, machOUnsupported } from "./mach-o-errors.ts";

export const MACH_O_HEADER_BYTES = 32;
const MH_MAGIC_64 = 0xfeedfacf;
const OTHER_MAGICS: readonly number[] = [0xfeedface, 0xcefaedfe, 0xcffaedfe];
export const MH_EXECUTE = 2;
const MH_DYLIB = 6;
const MH_BUNDLE = 8;
const CPU_NAMES: Readonly<Record<number, string>> = { 0x01000007: "x86_64", 0x0100000c: "arm64" };
const CPU_SUBTYPE_MASK = 0x00ffffff;
const CPU_SUBTYPE_ARM64E = 2;
const LC_SEGMENT_64 = 0x19;
export const LC_CODE_SIGNATURE = 0x1d;
const LC_VERSION_MIN_MACOSX = 0x24;
const LC_BUILD_VERSION = 0x32;
const MAX_COMMANDS_BYTES = 1 << 20;
const SEGMENT_BYTES = 72;
const SECTION_BYTES = 80;
const SECTION_TYPE_MASK = 0xff;
/** Section types without bytes in the file: zero fill, and its large and thread-local kinds. */
const ZEROFILL_TYPES: readonly number[] = [0x01, 0x0c, 0x12];

export interface MachOSection {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

export interface MachOSegment {
  readonly name: string;
  readonly fileOffset: number;
  readonly fileSize: number;
  /** Of its load command, from the beginning of the header. */
  readonly commandOffset: number;
  readonly sections: readonly MachOSection[];
}

export interface MachO {
  /** `x86_64`, `arm64` or `arm64e`. */
  readonly architecture: string;
  readonly fileType: number;
  readonly commandCount: number;
  /** Where the load commands end, from the beginning of the header. */
  readonly commandsEnd: number;
  /** Where the first bytes after the load commands belong to something. */
  readonly firstSectionOffset: number;
  readonly segments: readonly MachOSegment[];
  readonly text: MachOSegment;
  readonly linkEdit: MachOSegment;
  /** Where the last known table inside `__LINKEDIT` ends, the signature aside. */
  readonly linkEditDataEnd: number;
  /** SDK version as the header has it (`0x000f0500` is 15.5), 0 where it is not said. */
  readonly sdkVersion: number;
  readonly signature: { readonly commandOffset: number; readonly offset: number; readonly size: number } | undefined;
  readonly size: number;
}

/** Whether these first bytes say Mach-O of any word size and byte order; universal files are `isFat`. */
export function isMachO(head: Uint8Array): boolean {
  if (head.length < 4) return false;
  const magic = new DataView(head.buffer, head.byteOffset, head.byteLength).getUint32(0, true);
  return magic === MH_MAGIC_64 || OTHER_MAGICS.includes(magic);
}

/** Whether code of this `fileType` is loaded and run, and so signed: no object file, no debug symbols. */
export function isCodeFileType(fileType: number): boolean {
  return fileType === MH_EXECUTE || fileType === MH_DYLIB || fileType === MH_BUNDLE;
}

/** Reads and parses the header of a thin file or slice. Throws `MACHO_MALFORMED` or `MACHO_UNSUPPORTED`. */
export async function readMachO(range: ByteRange): Promise<MachO> {
  return parseMachO(await readMachOHeader(range), range.size);
}

/** The bytes of the header and the load commands. Throws like `readMachO`. */
export async function readMachOHeader(range: ByteRange): Promise<Uint8Array> {
  const head = await range.read(0, Math.min(range.size, MACH_O_HEADER_BYTES));
  const view = boundedView(head, "little", machOMalformed);
  requireMagic(view);
  const commandsBytes = view.u32(20, "the header");
  if (commandsBytes > MAX_COMMANDS_BYTES || MACH_O_HEADER_BYTES + commandsBytes > range.size) {
    throw machOMalformed(`its load commands take ${commandsBytes} bytes of ${range.size}`);
  }
  return range.read(0, MACH_O_HEADER_BYTES + commandsBytes);
}

/** Parses header and load commands of a file of `size` bytes. Throws like `readMachO`. */
export function parseMachO(header: Uint8Array, size: number): MachO {
  const view = boundedView(header, "little", machOMalformed);
  requireMagic(view);
  const architecture = architectureOf(view.u32(4, "the header"), view.u32(8, "the header"));
  const commandCount = view.u32(16, "the header");
  const commandsEnd = MACH_O_HEADER_BYTES + view.u32(20, "the header");
  if (commandsEnd > header.length) throw machOMalformed("its load commands are cut off");
  const commands = parseCommands(view, commandCount, commandsEnd);

  const segments = commands
    .filter(({ kind }) => kind === LC_SEGMENT_64)
    .map((command) => parseSegment(view, header, command, size));
  const only = (name: string): MachOSegment => {
    const [found, second] = segments.filter((segment) => segment.name === name);
    if (found === undefined || second !== undefined) {
      throw machOUnsupported(`it has ${found === undefined ? "no" : "more than one"} ${name} segment`);
    }
    return found;
  };
  const signatures = commands.filter(({ kind }) => kind === LC_CODE_SIGNATURE);
  if (signatures.length > 1) throw machOMalformed("it has more than one LC_CODE_SIGNATURE");
  return {
    architecture,
    fileType: view.u32(12, "the header"),
    commandCount,
    commandsEnd,
    firstSectionOffset: firstSectionOffset(segments, size),
    segments,
    text: only("__TEXT"),
    linkEdit: only("__LINKEDIT"),
    linkEditDataEnd: Math.max(0, ...commands.map((command) => linkEditTableEnd(view, command, size))),
    sdkVersion: sdkVersion(view, commands),
    signature: signatures[0] && signaturePlace(view, signatures[0], size),
    size,
  };
}

function requireMagic(view: BoundedView): void {
  const magic = view.u32(0, "the header");
  if (OTHER_MAGICS.includes(magic)) throw machOUnsupported("it is 32-bit or big endian");
  if (magic !== MH_MAGIC_64) throw machOMalformed("it does not begin with the Mach-O magic");
}

function architectureOf(cpuType: number, cpuSubtype: number): string {
  const name = CPU_NAMES[cpuType];
  if (name === undefined)
    throw machOUnsupported(`its processor type is 0x${cpuType.toString(16)}, not x86_64 or arm64`);
  return name === "arm64" && (cpuSubtype & CPU_SUBTYPE_MASK) === CPU_SUBTYPE_ARM64E ? "arm64e" : name;
}

function parseCommands(view: BoundedView, count: number, end: number): readonly LoadCommand[] {
  const commands: LoadCommand[] = [];
  let at = MACH_O_HEADER_BYTES;
  for (let index = 0; index < count; index += 1) {
    if (at + 8 > end) throw machOMalformed(`it has ${index} load commands of ${count}`);
    const command = { kind: view.u32(at, "a load command"), at, size: view.u32(at + 4, "a load command") };
    if (command.size < 8 || command.size % 4 !== 0 || at + command.size > end) {
      throw machOMalformed(`load command ${index} takes ${command.size} bytes`);
    }
    commands.push(command);
    at += command.size;
  }
  if (at !== end) throw machOMalformed(`its load commands end at ${at}, not at ${end}`);
  return commands;
}

function parseSegment(view: BoundedView, header: Uint8Array, command: LoadCommand, fileBytes: number): MachOSegment {
  requireCommandBytes(command, SEGMENT_BYTES);
  const { at } = command;
  const name = fixedName(header, at + 8);
  const fileOffset = view.u64(at + 40, `the offset of ${name}`);
  const fileSize = view.u64(at + 48, `the size of ${name}`);
  if (fileSize > 0) requireInside(`segment ${name}`, fileOffset, fileSize, fileBytes);
  const sectionCount = view.u32(at + 64, `the sections of ${name}`);
  requireCommandBytes(command, SEGMENT_BYTES + sectionCount * SECTION_BYTES);
  const sections: MachOSection[] = [];
  for (let index = 0; index < sectionCount; index += 1) {
    const section = at + SEGMENT_BYTES + index * SECTION_BYTES;
    const sectionName = fixedName(header, section);
    const type = view.u32(section + 64, `section ${sectionName}`) & SECTION_TYPE_MASK;
    if (ZEROFILL_TYPES.includes(type)) continue;
    const size = view.u64(section + 40, `section ${sectionName}`);
    const offset = view.u32(section + 48, `section ${sectionName}`);
    if (size > 0) requireInside(`section ${sectionName}`, offset, size, fileBytes);
    sections.push({ name: sectionName, offset, size });
  }
  return { name, fileOffset, fileSize, commandOffset: at, sections };
}

/** A 16-byte name field, zero filled. */
function fixedName(header: Uint8Array, at: number): string {
  const field = header.subarray(at, at + 16);
  const end = field.indexOf(0);
  return Buffer.from(field.subarray(0, end < 0 ? 16 : end)).toString("latin1");
}

function firstSectionOffset(segments: readonly MachOSegment[], size: number): number {
  const starts = segments.flatMap(({ fileOffset, fileSize, sections }) => [
    ...(fileOffset > 0 && fileSize > 0 ? [fileOffset] : []),
    ...sections.filter((section) => section.size > 0).map(({ offset }) => offset),
  ]);
  return Math.min(size, ...starts);
}

function sdkVersion(view: BoundedView, commands: readonly LoadCommand[]): number {
  const build = commands.find(({ kind, size }) => kind === LC_BUILD_VERSION && size >= 24);
  if (build !== undefined) return view.u32(build.at + 16, "LC_BUILD_VERSION");
  const minimum = commands.find(({ kind, size }) => kind === LC_VERSION_MIN_MACOSX && size >= 16);
  return minimum === undefined ? 0 : view.u32(minimum.at + 12, "LC_VERSION_MIN_MACOSX");
}

function signaturePlace(view: BoundedView, command: LoadCommand, fileBytes: number): NonNullable<MachO["signature"]> {
  requireCommandBytes(command, 16);
  const offset = view.u32(command.at + 8, "LC_CODE_SIGNATURE");
  const size = view.u32(command.at + 12, "LC_CODE_SIGNATURE");
  requireInside("the code signature", offset, size, fileBytes);
  return { commandOffset: command.at, offset, size };
}
