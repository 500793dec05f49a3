/**
 * What `strip -x -S` does to a linked Mach-O: debugging entries and symbols
 * that only a debugger reads leave the symbol table, which is half of a Node;
 * exported and imported symbols, and whatever the indirect table names, stay.
 * dyld itself reads the exports trie and the fixups, which are not touched.
 * Follows `mach-o/loader.h` and `mach-o/nlist.h`; 64-bit little endian.
 *
 * The signature goes too, since it covers what is cut: the file must be signed
 * again before it can run.
 */
import { ErthError } from "../../runtime/base/errors.ts";
import type { ByteSource } from "./elf-strip.ts";

export interface MachOStripPlan {
  /** Replaces the file's first bytes: header and load commands. */
  readonly header: Uint8Array;
  /** How many of the file's leading bytes are kept, the header's among them. */
  readonly keepBytes: number;
  /** Follows the kept bytes: symbols, indirect symbols, names. */
  readonly tail: Uint8Array;
}

const MH_MAGIC_64 = 0xfeedfacf;
const HEADER_BYTES = 32;
const MAX_COMMANDS_BYTES = 1 << 20;
const NLIST_BYTES = 16;
const LC_SYMTAB = 0x02;
const LC_DYSYMTAB = 0x0b;
const LC_SEGMENT_64 = 0x19;
const LC_CODE_SIGNATURE = 0x1d;
/** `linkedit_data_command`s: split info, function starts, data in code, signing requirements, hints, exports trie, fixups. */
const LINKEDIT_DATA: readonly number[] = [0x1e, 0x26, 0x29, 0x2b, 0x2e, 0x80000033, 0x80000034];
const LC_DYLD_INFO: readonly number[] = [0x22, 0x80000022];
const N_STAB = 0xe0;
const N_PEXT = 0x10;
const N_EXT = 0x01;
const INDIRECT_FLAGS = 0xc0000000;
const PAGE_BYTES = 0x4000;

interface Command {
  readonly kind: number;
  readonly at: number;
  readonly bytes: number;
}

interface Symbols {
  readonly command: Command;
  readonly dynamic: Command;
  readonly offset: number;
  readonly count: number;
  readonly stringsOffset: number;
  readonly stringsBytes: number;
  readonly indirectOffset: number;
  readonly indirectCount: number;
}

/** Plans the strip. Throws `MACHO_STRIP_UNSUPPORTED` for other kinds and layouts, `MACHO_STRIP_MALFORMED` for damaged ones. */
export function planMachOStrip(source: ByteSource): MachOStripPlan {
  // 1. The load commands.
  const fixed = bytesAt(source, 0, HEADER_BYTES, "the header");
  const view = viewOf(fixed);
  if (view.getUint32(0, true) !== MH_MAGIC_64) throw unsupported("it is no thin 64-bit Mach-O file");
  const commandsBytes = view.getUint32(20, true);
  if (commandsBytes > MAX_COMMANDS_BYTES) throw malformed(`its load commands take ${commandsBytes} bytes`);
  const header = Uint8Array.from(bytesAt(source, 0, HEADER_BYTES + commandsBytes, "the load commands"));
  const commands = commandsOf(header, view.getUint32(16, true));
  const symbols = symbolsOf(header, commands);
  const linkEdit = linkEditOf(header, commands);

  // 2. Only the symbols' own tables and the signature may lie where the tail will be.
  requireLast(header, commands, symbols, linkEdit, source.size);

  // 3. Which symbols stay.
  const table = viewOf(bytesAt(source, symbols.offset, symbols.count * NLIST_BYTES, "the symbol table"));
  const indirect = viewOf(bytesAt(source, symbols.indirectOffset, symbols.indirectCount * 4, "the indirect symbols"));
  const kept = keptSymbols(table, symbols, indirect);

  // 4. The new tables, in the linker's order: symbols, indirect symbols, names.
  const names = bytesAt(source, symbols.stringsOffset, symbols.stringsBytes, "the symbols' names");
  const { entries, strings } = renderSymbols(table, kept, names);
  const indirectBytes = renderIndirect(indirect, symbols.indirectCount, kept);
  const indirectAt = entries.length;
  const stringsAt = indirectAt + indirectBytes.length;
  const tail = new Uint8Array(alignUp(stringsAt + strings.length, 8));
  tail.set(entries, 0);
  tail.set(indirectBytes, indirectAt);
  tail.set(strings, stringsAt);

  // 5. The commands that say so; the signature's is taken out.
  const out = viewOf(header);
  out.setUint32(symbols.command.at + 12, kept.length, true);
  out.setUint32(symbols.command.at + 16, symbols.offset + stringsAt, true);
  out.setUint32(symbols.command.at + 20, tail.length - stringsAt, true);
  renumberGroups(out, symbols.dynamic, kept);
  out.setUint32(symbols.dynamic.at + 56, symbols.offset + indirectAt, true);
  const linkEditBytes = symbols.offset + tail.length - Number(out.getBigUint64(linkEdit.at + 40, true));
  out.setBigUint64(linkEdit.at + 32, BigInt(alignUp(linkEditBytes, PAGE_BYTES)), true);
  out.setBigUint64(linkEdit.at + 48, BigInt(linkEditBytes), true);
  removeSignature(header, commands);
  return { header, keepBytes: symbols.offset, tail };
}

function commandsOf(header: Uint8Array, count: number): readonly Command[] {
  const view = viewOf(header);
  const commands: Command[] = [];
  let at = HEADER_BYTES;
  for (let number = 0; number < count; number += 1) {
    if (at + 8 > header.length) throw malformed(`load command ${number} begins after the last`);
    const [kind, bytes] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    if (bytes < 8 || at + bytes > header.length) throw malformed(`load command ${number} has ${bytes} bytes`);
    commands.push({ kind, at, bytes });
    at += bytes;
  }
  return commands;
}

function only(commands: readonly Command[], kind: number, bytes: number, name: string): Command {
  const [found, second] = commands.filter((command) => command.kind === kind);
  if (found === undefined || second !== undefined) throw unsupported(`it has not exactly one ${name}`);
  if (found.bytes < bytes) throw malformed(`its ${name} has ${found.bytes} bytes`);
  return found;
}

function symbolsOf(header: Uint8Array, commands: readonly Command[]): Symbols {
  const view = viewOf(header);
  const command = only(commands, LC_SYMTAB, 24, "LC_SYMTAB");
  const dynamic = only(commands, LC_DYSYMTAB, 80, "LC_DYSYMTAB");
  const at = (where: Command, offset: number): number => view.getUint32(where.at + offset, true);
  // Tables of relocations, modules and references are those of object files and of linkers long gone.
  for (const offset of [36, 44, 52, 68, 76]) {
    if (at(dynamic, offset) !== 0) throw unsupported("it has relocations or a table of contents");
  }
  return {
    command,
    dynamic,
    offset: at(command, 8),
    count: at(command, 12),
    stringsOffset: at(command, 16),
    stringsBytes: at(command, 20),
    indirectOffset: at(dynamic, 56),
    indirectCount: at(dynamic, 60),
  };
}

function linkEditOf(header: Uint8Array, commands: readonly Command[]): Command {
  const isLinkEdit = ({ kind, at, bytes }: Command): boolean =>
    kind === LC_SEGMENT_64 &&
    bytes >= 72 &&
    String.fromCharCode(...header.subarray(at + 8, at + 24)).replace(/\0.*$/s, "") === "__LINKEDIT";
  const [found] = commands.filter(isLinkEdit);
  if (found === undefined) throw unsupported("it has no __LINKEDIT");
  return found;
}

function requireLast(
  header: Uint8Array,
  commands: readonly Command[],
  symbols: Symbols,
  linkEdit: Command,
  fileBytes: number,
): void {
  const view = viewOf(header);
  const begin = Number(view.getBigUint64(linkEdit.at + 40, true));
  const end = begin + Number(view.getBigUint64(linkEdit.at + 48, true));
  if (end !== fileBytes) throw unsupported(`its __LINKEDIT ends at ${end}, the file at ${fileBytes}`);
  if (symbols.offset < begin || symbols.offset > end) throw malformed("its symbols lie outside __LINKEDIT");
  const tables: [number, number][] = commands.flatMap(({ kind, at }): [number, number][] => {
    const pair = (offset: number): [number, number] => [
      view.getUint32(at + offset, true),
      view.getUint32(at + offset + 4, true),
    ];
    if (LINKEDIT_DATA.includes(kind)) return [pair(8)];
    return LC_DYLD_INFO.includes(kind) ? [8, 16, 24, 32, 40].map(pair) : [];
  });
  for (const [offset, bytes] of tables) {
    if (bytes > 0 && offset + bytes > symbols.offset) throw unsupported("other tables follow its symbols");
  }
  for (const [name, offset] of [
    ["indirect symbols", symbols.indirectOffset],
    ["names", symbols.stringsOffset],
  ] as const) {
    if (offset !== 0 && offset < symbols.offset) throw unsupported(`its ${name} come before its symbols`);
  }
}

/** Old indexes of the symbols that stay, in order. */
function keptSymbols(table: DataView, { count }: Symbols, indirect: DataView): readonly number[] {
  const isNamed = new Uint8Array(count);
  for (let at = 0; at < indirect.byteLength; at += 4) {
    const index = indirect.getUint32(at, true);
    if ((index & INDIRECT_FLAGS) !== 0) continue;
    if (index >= count) throw malformed(`an indirect symbol is number ${index} of ${count}`);
    isNamed[index] = 1;
  }
  const kept: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const type = table.getUint8(index * NLIST_BYTES + 4);
    const isShared = (type & N_STAB) === 0 && (type & N_EXT) !== 0 && (type & N_PEXT) === 0;
    if (isShared || isNamed[index] === 1) kept.push(index);
  }
  return kept;
}

function renderSymbols(
  table: DataView,
  kept: readonly number[],
  names: Uint8Array,
): { readonly entries: Uint8Array; readonly strings: Uint8Array } {
  const entries = new Uint8Array(kept.length * NLIST_BYTES);
  const out = viewOf(entries);
  // Name 0 is "no name", as the linker has it.
  const places = new Map<number, number>([[0, 0]]);
  const pieces: Uint8Array[] = [Uint8Array.of(0x20, 0)];
  let length = 2;
  for (const [number, index] of kept.entries()) {
    const from = index * NLIST_BYTES;
    entries.set(new Uint8Array(table.buffer, table.byteOffset + from, NLIST_BYTES), number * NLIST_BYTES);
    const name = table.getUint32(from, true);
    let place = places.get(name);
    if (place === undefined) {
      const end = names.indexOf(0, name);
      if (name >= names.length || end < 0) throw malformed(`the name of symbol ${index} has no end`);
      place = length;
      places.set(name, place);
      pieces.push(names.subarray(name, end + 1));
      length += end + 1 - name;
    }
    out.setUint32(number * NLIST_BYTES, place, true);
  }
  return { entries, strings: Uint8Array.from(Buffer.concat(pieces)) };
}

function renderIndirect(indirect: DataView, count: number, kept: readonly number[]): Uint8Array {
  const places = new Map(kept.map((index, number) => [index, number]));
  const bytes = new Uint8Array(count * 4);
  const out = viewOf(bytes);
  for (let at = 0; at < bytes.length; at += 4) {
    const index = indirect.getUint32(at, true);
    out.setUint32(at, (index & INDIRECT_FLAGS) === 0 ? (places.get(index) ?? 0) : index, true);
  }
  return bytes;
}

/** Local, exported and undefined symbols: three runs by first index and count. */
function renumberGroups(out: DataView, dynamic: Command, kept: readonly number[]): void {
  let first = 0;
  for (const offset of [8, 16, 24]) {
    const begin = out.getUint32(dynamic.at + offset, true);
    const end = begin + out.getUint32(dynamic.at + offset + 4, true);
    const count = kept.filter((index) => index >= begin && index < end).length;
    out.setUint32(dynamic.at + offset, first, true);
    out.setUint32(dynamic.at + offset + 4, count, true);
    first += count;
  }
  if (first !== kept.length) throw unsupported("its symbols are not in three groups");
}

function removeSignature(header: Uint8Array, commands: readonly Command[]): void {
  const signature = commands.find(({ kind }) => kind === LC_CODE_SIGNATURE);
  if (signature === undefined) return;
  const end = signature.at + signature.bytes;
  header.copyWithin(signature.at, end);
  header.fill(0, header.length - signature.bytes);
  const view = viewOf(header);
  view.setUint32(16, view.getUint32(16, true) - 1, true);
  view.setUint32(20, view.getUint32(20, true) - signature.bytes, true);
}

function bytesAt(source: ByteSource, offset: number, length: number, what: string): Uint8Array {
  if (offset + length > source.size) {
    throw malformed(`${what} at ${offset} has ${length} bytes, the file ends at ${source.size}`);
  }
  return source.read(offset, length);
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const alignUp = (value: number, to: number): number => Math.ceil(value / to) * to;

function unsupported(reason: string): ErthError {
  return new ErthError({
    code: "MACHO_STRIP_UNSUPPORTED",
    message: `This file cannot be stripped: ${reason}.`,
    remedy: "use it as it is, or strip it with its own toolchain",
  });
}

function malformed(reason: string): ErthError {
  return new ErthError({
    code: "MACHO_STRIP_MALFORMED",
    message: `This Mach-O file is damaged: ${reason}.`,
    remedy: "get the file again: erth lock",
  });
}
