/**
 * The tables of a Windows Installer database as streams of a compound file.
 * The format is not published; this follows what libmsi and Wine's msi read
 * and write: a pool of strings, tables stored column by column, and stream
 * names of two characters packed into one.
 */

/** `s72`: a string, `i2`/`i4`: an integer, `v0`: a stream; upper case may be null, `l`/`L` is text for people. */
export type ColumnType = `${"s" | "S" | "l" | "L"}${number}` | "i2" | "I2" | "i4" | "I4" | "v0" | "V0";

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly isKey?: boolean;
}

/** A string, a number, or null; `true` where a stream holds the value. */
export type Cell = string | number | null | true;

export interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
}

export interface DatabaseStream {
  /** As the compound file has it. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** UTF-8, as Windows has known it since it has known `msi.dll`, whatever its documents say. */
const CODE_PAGE = 65_001;
const TABLE_MARK = "\u4840";
const PACKED = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._";
/** Beyond it the strings' numbers would have three bytes; an app of 32,767 files stays far below. */
const MAX_STRINGS = 0xffff;

const VALID = 0x0100;
const LOCALIZABLE = 0x0200;
const HAS_SIZE = 0x0400;
const STRING = 0x0800;
const NULLABLE = 0x1000;
const KEY = 0x2000;

const TABLES_TABLE: readonly Column[] = [{ name: "Name", type: "s64", isKey: true }];
const COLUMNS_TABLE: readonly Column[] = [
  { name: "Table", type: "s64", isKey: true },
  { name: "Number", type: "i2", isKey: true },
  { name: "Name", type: "s64" },
  { name: "Type", type: "i2" },
];

/** The streams of these tables, the catalog among them; empty tables are left out of neither. */
export function encodeDatabase(tables: readonly Table[]): readonly DatabaseStream[] {
  const pool = stringPool();
  const catalog: Table = { name: "_Tables", columns: TABLES_TABLE, rows: tables.map(({ name }) => [name]) };
  const columns: Table = {
    name: "_Columns",
    columns: COLUMNS_TABLE,
    rows: tables.flatMap(({ name, columns }) =>
      columns.map((column, at) => [name, at + 1, column.name, columnBits(column)]),
    ),
  };
  const streams = [catalog, columns, ...tables].map((table) => ({
    name: tableStreamName(table.name),
    bytes: encodeTable(table, pool.idOf),
  }));
  const { pool: poolBytes, data } = pool.encode();
  return [
    { name: tableStreamName("_StringPool"), bytes: poolBytes },
    { name: tableStreamName("_StringData"), bytes: data },
    ...streams.filter(({ bytes }) => bytes.length > 0),
  ];
}

/** The name under which a table lies in the compound file. */
export function tableStreamName(table: string): string {
  return TABLE_MARK + streamName(table);
}

/** The name under which a stream lies there: a cabinet, or `Icon.app.ico` for a cell of the table Icon. */
export function streamName(name: string): string {
  let packed = "";
  for (let at = 0; at < name.length; at += 1) {
    const first = PACKED.indexOf(name.charAt(at));
    const second = at + 1 < name.length ? PACKED.indexOf(name.charAt(at + 1)) : -1;
    if (first < 0) packed += name.charAt(at);
    else if (second < 0) packed += String.fromCharCode(0x4800 + first);
    else {
      packed += String.fromCharCode(0x3800 + first + (second << 6));
      at += 1;
    }
  }
  return packed;
}

function columnBits({ type, isKey }: Column): number {
  const kind = type.charAt(0);
  const size = Number(type.slice(1));
  const flags = (kind === kind.toUpperCase() ? NULLABLE : 0) | (isKey ? KEY : 0) | VALID;
  switch (kind.toLowerCase()) {
    case "s":
      return flags | STRING | HAS_SIZE | size;
    case "l":
      return flags | STRING | HAS_SIZE | LOCALIZABLE | size;
    case "v":
      return flags | STRING;
    default:
      return flags | size | (size === 2 ? HAS_SIZE : 0);
  }
}

/** Rows in the order of their keys, stored column by column. */
function encodeTable({ name, columns, rows }: Table, idOf: (text: string) => number): Uint8Array {
  const stored = rows.map((row) => columns.map((column, at) => storedValue(column, row[at] ?? null, name, idOf)));
  const keys = columns.flatMap(({ isKey }, at) => (isKey ? [at] : []));
  stored.sort((a, b) => keys.map((at) => (a[at] ?? 0) - (b[at] ?? 0)).find((difference) => difference !== 0) ?? 0);
  const widths = columns.map(({ type }) => (type.toLowerCase() === "i4" ? 4 : 2));
  const bytes = Buffer.alloc(widths.reduce((sum, width) => sum + width, 0) * rows.length);
  let at = 0;
  for (const [column, width] of widths.entries()) {
    for (const row of stored) at = bytes.writeUIntLE(row[column] ?? 0, at, width);
  }
  return bytes;
}

/** Strings by number, integers with their sign bit turned, so that 0 is free for null. */
function storedValue(column: Column, cell: Cell, table: string, idOf: (text: string) => number): number {
  const kind = column.type.charAt(0);
  if (cell === null) {
    if (kind === kind.toUpperCase()) return 0;
    throw new Error(`${table}.${column.name} cannot be null`);
  }
  if (cell === true) return 1;
  if (typeof cell === "string") return idOf(cell);
  return column.type.toLowerCase() === "i4" ? (cell ^ 0x8000_0000) >>> 0 : (cell ^ 0x8000) & 0xffff;
}

interface StringPool {
  readonly idOf: (text: string) => number;
  readonly encode: () => { readonly pool: Uint8Array; readonly data: Uint8Array };
}

/** Strings in the order in which they are first used, with the number of their uses. */
function stringPool(): StringPool {
  const ids = new Map<string, number>();
  const strings: { readonly bytes: Buffer; uses: number }[] = [];
  return {
    idOf(text) {
      if (text === "") return 0;
      const id = ids.get(text) ?? ids.size + 1;
      const known = strings[id - 1];
      if (known) known.uses += 1;
      else {
        ids.set(text, id);
        strings.push({ bytes: Buffer.from(text), uses: 1 });
      }
      return id;
    },
    encode() {
      if (strings.length > MAX_STRINGS) throw new RangeError(`${strings.length} strings need wider numbers`);
      const words: number[] = [];
      for (const { bytes, uses } of strings) {
        // A longer string takes two entries: none so long is ever written here.
        if (bytes.length > 0xffff) throw new RangeError(`a string of ${bytes.length} bytes`);
        words.push(bytes.length, Math.min(uses, 0xffff));
      }
      const pool = Buffer.alloc(4 + words.length * 2);
      pool.writeUInt32LE(CODE_PAGE, 0);
      for (const [at, word] of words.entries()) pool.writeUInt16LE(word, 4 + at * 2);
      return { pool, data: Buffer.concat(strings.map(({ bytes }) => bytes)) };
    },
  };
}
