/**
 * What a database records of itself: the table `erth_migrations`, one row per
 * applied migration, and `user_version`, their number. The build writes both
 * into the seed and the runtime into the user's file, with the same SQL.
 */
import type { Migration } from "../base/database-bundle.ts";
import { quote, rowsOf, sqliteCode, textOfBytes, valueOf, type Connection } from "./driver.ts";

export const APPLIED_TABLE = "erth_migrations";

/** Run on an empty database before the first migration. */
export const CREATE_APPLIED_TABLE = `CREATE TABLE ${APPLIED_TABLE} (
  name TEXT PRIMARY KEY NOT NULL,
  sha256 TEXT NOT NULL,
  applied_at TEXT NOT NULL
)`;

/** Run in the migration's own transaction, after its statements; `version` counts it. */
export function recordApplied(migration: Migration, version: number, appliedAt: Date): readonly string[] {
  const values = [migration.name, migration.sha256, appliedAt.toISOString()].map(quote).join(", ");
  return [
    `INSERT INTO ${APPLIED_TABLE} (name, sha256, applied_at) VALUES (${values})`,
    `PRAGMA user_version = ${version}`,
  ];
}

export interface Applied {
  readonly name: string;
  readonly sha256: string;
}

export interface Recorded {
  readonly userVersion: number;
  /** By name, which is their order; undefined where the table is missing or has another shape. */
  readonly applied: readonly Applied[] | undefined;
}

/** Reads the record of the file that a connection has attached as `file`. */
export function readRecorded(connection: Connection): Recorded {
  const userVersion = Number(valueOf(connection, "PRAGMA file.user_version"));
  return { userVersion, applied: readApplied(connection) };
}

function readApplied(connection: Connection): readonly Applied[] | undefined {
  const columns = ["name", "sha256"].map((name) => `CAST(${name} AS BLOB) AS ${name}`).join(", ");
  try {
    const rows = rowsOf(connection, `SELECT ${columns} FROM file.${APPLIED_TABLE} ORDER BY ${APPLIED_TABLE}.name`);
    return rows.map((row) => ({ name: textOfBytes(row.name), sha256: textOfBytes(row.sha256) }));
  } catch (error) {
    if (sqliteCode(error) === "SQLITE_ERROR") return undefined;
    throw error;
  }
}
