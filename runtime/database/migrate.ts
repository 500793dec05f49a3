/**
 * Carrying a database forward. All pending migrations run in one
 * `BEGIN IMMEDIATE` transaction: a failure or a kill at any point leaves the
 * database exactly as it was, so that the app of before can still open it. A
 * backup made first stands behind that.
 *
 * Foreign keys are off meanwhile and checked before the commit, as SQLite's
 * `ALTER TABLE` page (§7) asks: with them on, `DROP TABLE` deletes the rows
 * that refer to it. A migration that relies on `ON DELETE CASCADE` must
 * therefore delete the children itself; if it does not, it fails.
 */
import type { DatabaseBundle, Migration } from "../base/database-bundle.ts";
import { ErthError, messageOf } from "../base/errors.ts";
import { recordApplied } from "./applied.ts";
import { makeBackup } from "./backup.ts";
import { setForeignKeys } from "./connection.ts";
import { compileMessage, rowsOf, valueOf, type Connection } from "./driver.ts";
import { explainFault } from "./faults.ts";
import { faultLine } from "./fault-line.ts";
import type { DatabaseFiles } from "./files.ts";
import { forbiddenReason } from "./forbidden.ts";
import { splitStatements, type Statement } from "./statements.ts";

export interface MigrateRequest {
  readonly connection: Connection;
  readonly files: DatabaseFiles;
  readonly bundle: DatabaseBundle;
  /** The last of the bundle's migrations, in order; at least one. */
  readonly pending: readonly Migration[];
  readonly now: () => Date;
  readonly log: (text: string) => void;
}

/** A statement that SQLite refused, with its place. */
export class StatementFault extends Error {
  readonly line: number;

  constructor(line: number, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "StatementFault";
    this.line = line;
  }
}

/**
 * Runs the pending migrations. On failure the database is as it was, and the
 * error says so: `DATABASE_MIGRATION_FAILED` with migration and line, or
 * `DATABASE_DISK_FULL`, `DATABASE_BUSY` and the like. Needs the lock.
 */
export function migrate(request: MigrateRequest): void {
  const { connection, files, bundle, pending, now, log } = request;
  const from = bundle.schemaVersion - pending.length;
  const kept = makeBackup(files, now());
  log(`database: backed up as ${kept.name}; migrating from version ${from} to ${bundle.schemaVersion}`);

  let current = "";
  setForeignKeys(connection, "OFF", files.database);
  try {
    connection.exec("BEGIN IMMEDIATE");
    if (Number(valueOf(connection, "PRAGMA user_version")) !== from) throw changedMeanwhile(files);
    for (const [index, migration] of pending.entries()) {
      current = `${migration.name}.sql`;
      for (const statement of splitStatements(migration.sql)) runStatement(connection, statement);
      for (const sql of recordApplied(migration, from + index + 1, now())) connection.exec(sql);
    }
    current = "";
    checkReferences(connection);
    connection.exec("COMMIT");
  } catch (error) {
    if (connection.inTransaction) connection.exec("ROLLBACK");
    throw failure(error, current, { from, files, backup: kept.path });
  } finally {
    setForeignKeys(connection, "ON", files.database);
  }
  log(`database: ran ${pending.map((migration) => migration.name).join(", ")}`);
}

/** Runs one statement inside the caller's transaction; throws a `StatementFault`. */
export function runStatement(connection: Connection, statement: Statement): void {
  const forbidden = forbiddenReason(statement);
  if (forbidden) throw new StatementFault(statement.line, forbidden.message);
  try {
    connection.exec(statement.sql);
  } catch (error) {
    const line = faultLine(statement, messageOf(error), (sql) => compileMessage(connection, sql));
    throw new StatementFault(line, messageOf(error), error);
  }
  // `INSERT OR ROLLBACK` can end it; what follows would then commit on its own.
  if (!connection.inTransaction) throw new StatementFault(statement.line, "the statement ended the transaction");
}

/** Throws if a row refers to a row that is not there. */
export function checkReferences(connection: Connection): void {
  const broken = rowsOf(connection, "PRAGMA foreign_key_check");
  const first = broken[0];
  if (first === undefined) return;
  throw new Error(
    `${broken.length} rows refer to rows that are not there, the first in ${String(first.table)} (rowid ${String(first.rowid)}) to ${String(first.parent)}`,
  );
}

function changedMeanwhile(files: DatabaseFiles): ErthError {
  return new ErthError({
    code: "DATABASE_BUSY",
    message: `${files.database} was changed by another process while this one was about to migrate it.`,
    remedy: "quit every other window of this app and start again",
  });
}

function failure(
  error: unknown,
  migration: string,
  was: { readonly from: number; readonly files: DatabaseFiles; readonly backup: string },
): unknown {
  const restored = `Everything was rolled back: the database is as it was, at version ${was.from}; a backup of it is ${was.backup}.`;
  const fault = error instanceof StatementFault ? error : undefined;
  const explained = explainFault(fault?.cause ?? error, was.files.database);
  const place = fault ? `${migration}:${fault.line}` : migration || "migrating";
  const facts = { migration, line: fault?.line, restoredVersion: was.from, backup: was.backup };
  if (explained instanceof ErthError) {
    const { code, message, remedy } = explained;
    return new ErthError({
      code,
      message: `${place}: ${message} ${restored}`,
      remedy,
      cause: error,
      facts,
    });
  }
  return new ErthError({
    code: "DATABASE_MIGRATION_FAILED",
    message: `${place}: ${messageOf(error)}. ${restored}`,
    remedy: "start the version of the app that you had before, or install a newer one",
    cause: error,
    facts,
  });
}
