/** Load commands that name tables in `__LINKEDIT`: which they are, and where their tables end. Follows `mach-o/loader.h`. */
import type { BoundedView } from "../../build/formats/bounded-view.ts";
import { machOMalformed } from "./mach-o-errors.ts";

const LC_SYMTAB = 0x02;
const LC_DYSYMTAB = 0x0b;
/** `LC_DYLD_INFO`, with and without `LC_REQ_DYLD`. */
const DYLD_INFO: readonly number[] = [0x22, 0x80000022];
/** Commands of type `linkedit_data_command` besides the signature's. */
const LINKEDIT_DATA: readonly number[] = [0x1e, 0x26, 0x29, 0x2b, 0x2e, 0x80000033, 0x80000034];

export interface LoadCommand {
  readonly kind: number;
  /** From the beginning of the header. */
  readonly at: number;
  readonly size: number;
}

/** Throws `MACHO_MALFORMED` for a command shorter than its kind. */
export function requireCommandBytes({ kind, size }: LoadCommand, bytes: number): void {
  if (size < bytes) throw machOMalformed(`load command 0x${kind.toString(16)} takes ${size} bytes, not ${bytes}`);
}

/** Throws `MACHO_MALFORMED` for a part that goes beyond the file. */
export function requireInside(what: string, offset: number, size: number, fileBytes: number): void {
  if (offset + size > fileBytes)
    throw machOMalformed(`${what} lies outside it (${size} bytes at ${offset} of ${fileBytes})`);
}

/** Where a command has a table's offset and its count, and the bytes of one entry. */
type Table = readonly [offsetField: number, countField: number, entryBytes: number];
const SYMTAB_TABLES: readonly Table[] = [
  [8, 12, 16],
  [16, 20, 1],
];
const DYSYMTAB_TABLES: readonly Table[] = [
  [32, 36, 8],
  [40, 44, 56],
  [48, 52, 4],
  [56, 60, 4],
  [64, 68, 8],
  [72, 76, 8],
];
const DYLD_INFO_TABLES = [8, 16, 24, 32, 40].map((field): Table => [field, field + 4, 1]);
const LINKEDIT_DATA_TABLES: readonly Table[] = [[8, 12, 1]];

/** Where the last table that a command names in `__LINKEDIT` ends; 0 for other commands. */
export function linkEditTableEnd(view: BoundedView, command: LoadCommand, fileBytes: number): number {
  const { kind, at } = command;
  let tables: readonly Table[] = [];
  if (kind === LC_SYMTAB) tables = SYMTAB_TABLES;
  else if (kind === LC_DYSYMTAB) tables = DYSYMTAB_TABLES;
  else if (DYLD_INFO.includes(kind)) tables = DYLD_INFO_TABLES;
  else if (LINKEDIT_DATA.includes(kind)) tables = LINKEDIT_DATA_TABLES;
  let end = 0;
  for (const [offsetField, countField, entryBytes] of tables) {
    requireCommandBytes(command, countField + 4);
    const bytes = view.u32(at + countField, "a table") * entryBytes;
    if (bytes === 0) continue;
    const offset = view.u32(at + offsetField, "a table");
    requireInside(`the table of load command 0x${kind.toString(16)}`, offset, bytes, fileBytes);
    end = Math.max(end, offset + bytes);
  }
  return end;
}
