/**
 * The one connection that app code works on, and the pragmas it stands on.
 *
 * `synchronous = NORMAL` in WAL mode syncs at checkpoints, not at each commit:
 * a commit takes microseconds instead of milliseconds. A killed process loses
 * nothing; a power cut may lose the last commits, never the file's integrity.
 */
import { ErthError } from "../base/errors.ts";
import { connect, rowsOf, sqliteCode, valueOf, type Connection } from "./driver.ts";
import { explained } from "./faults.ts";

/** How long a statement waits for another process before `DATABASE_BUSY`. */
const BUSY_TIMEOUT_MS = 5000;

interface Pragma {
  readonly name: string;
  readonly set: string;
  /** What reading it back must give. */
  readonly expected: string;
}

// The timeout comes first: changing the journal mode waits by it.
const PRAGMAS: readonly Pragma[] = [
  { name: "busy_timeout", set: String(BUSY_TIMEOUT_MS), expected: String(BUSY_TIMEOUT_MS) },
  { name: "journal_mode", set: "WAL", expected: "wal" },
  { name: "synchronous", set: "NORMAL", expected: "1" },
  { name: "foreign_keys", set: "ON", expected: "1" },
];

/** Opens an existing database with every pragma set and read back, and makes sure that it can be written. */
export function openConnection(path: string): Connection {
  return explained(path, () => {
    const connection = connect(path);
    try {
      for (const pragma of PRAGMAS) setPragma(connection, pragma, path);
      // Takes the write lock, which a read-only file or folder refuses now instead of at the first save.
      connection.exec("BEGIN IMMEDIATE; ROLLBACK");
      return connection;
    } catch (error) {
      closeConnection(connection);
      throw error;
    }
  });
}

/**
 * Moves the write-ahead log into the database and closes it: one file is left,
 * which can be copied. Where that cannot be done (another connection, a full
 * disk) the log stays, and the next start completes it.
 */
export function closeConnection(connection: Connection): void {
  try {
    rowsOf(connection, "PRAGMA busy_timeout = 0");
    rowsOf(connection, "PRAGMA wal_checkpoint(TRUNCATE)");
    rowsOf(connection, "PRAGMA journal_mode = DELETE");
  } catch (error) {
    if (sqliteCode(error) === undefined) throw error;
  } finally {
    connection.close();
  }
}

/** Switches foreign keys; SQLite ignores this inside a transaction, so it is read back. */
export function setForeignKeys(connection: Connection, state: "ON" | "OFF", path: string): void {
  setPragma(connection, { name: "foreign_keys", set: state, expected: state === "ON" ? "1" : "0" }, path);
}

function setPragma(connection: Connection, pragma: Pragma, path: string): void {
  connection.prepare(`PRAGMA ${pragma.name} = ${pragma.set}`).all();
  const found = String(valueOf(connection, `PRAGMA ${pragma.name}`));
  if (found === pragma.expected) return;
  throw new ErthError({
    code: "DATABASE_PRAGMA",
    message: `${path} opened with ${pragma.name} = ${found}; it needs ${pragma.expected}.`,
    remedy: "keep the app's data on a local disk (network folders cannot hold a write-ahead log) and start again",
    facts: { path, pragma: pragma.name, found, expected: pragma.expected },
  });
}
