/**
 * The few calls through which this folder uses `libsql`'s synchronous API
 * (better-sqlite3's shape), and the care that it needs:
 *
 * - `close()` keeps the file open until every prepared statement has been
 *   garbage-collected. A file that must be free afterwards is therefore
 *   attached to an in-memory connection: `DETACH` closes it for certain.
 * - `Statement.get()` leaves its statement open, which blocks checkpoints and
 *   `VACUUM`; `all()` runs to the end.
 * - Values go in as one array: a single value is taken for named parameters,
 *   and a lone `Uint8Array` ends the process in a native panic.
 * - Text that is not UTF-8 ends it, too. It can stand in a damaged file, so
 *   whatever is read before a file is known to be whole is read as bytes.
 */
import Database from "libsql";
import type { SqlValue } from "./store.ts";

export type Connection = Database.Database;
export type Row = Readonly<Record<string, unknown>>;

/** Opens or creates the file; `:memory:` for one that has no file. */
export function connect(file: string): Connection {
  return new Database(file);
}

/** Every row of one statement. */
export function rowsOf(connection: Connection, sql: string, values: readonly SqlValue[] = []): readonly Row[] {
  return connection
    .prepare(sql)
    .all([...values])
    .filter(isRow);
}

/** The only value of the only row that a pragma or a count answers with, or undefined. */
export function valueOf(connection: Connection, sql: string, values: readonly SqlValue[] = []): unknown {
  return Object.values(rowsOf(connection, sql, values)[0] ?? {})[0];
}

/**
 * Runs `work` on a connection that has the file attached as `file`, and closes
 * the file for certain. Recovers and checkpoints a write-ahead log that a
 * killed process left. A file that does not exist is created, empty.
 */
export function withFile<Result>(path: string, work: (connection: Connection) => Result): Result {
  const connection = connect(":memory:");
  try {
    rowsOf(connection, "PRAGMA busy_timeout = 5000");
    connection.prepare("ATTACH ? AS file").run([path]);
    try {
      return work(connection);
    } finally {
      connection.exec("DETACH file");
    }
  } finally {
    connection.close();
  }
}

/** The text of a value that was selected with `CAST(… AS BLOB)`, with U+FFFD for what is not UTF-8. */
export function textOfBytes(value: unknown): string {
  return value instanceof ArrayBuffer ? new TextDecoder().decode(value) : "";
}

/** Text as an SQL string literal. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A compile of `sql` without running it: SQLite's message, or undefined. */
export function compileMessage(connection: Connection, sql: string): string | undefined {
  try {
    connection.prepare(sql);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** SQLite's extended result code by name (`SQLITE_CONSTRAINT_UNIQUE`), or undefined for any other error. */
export function sqliteCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  if ("code" in thrown && typeof thrown.code === "string" && thrown.code.startsWith("SQLITE_")) return thrown.code;
  // The driver gives a failed open as text that ends in the number of SQLITE_CANTOPEN and its kin.
  const number = /^ConnectionFailed\(".*: (\d+)"\)$/s.exec(thrown.message)?.[1];
  return number === undefined ? undefined : (OPEN_CODES[number] ?? `SQLITE_${number}`);
}

const OPEN_CODES: Readonly<Record<string, string>> = {
  8: "SQLITE_READONLY",
  10: "SQLITE_IOERR",
  14: "SQLITE_CANTOPEN",
  26: "SQLITE_NOTADB",
};

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null;
}
