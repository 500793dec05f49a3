/** Whether a database can be carried forward by this app's migrations. Pure. */
import type { DatabaseBundle, Migration } from "../base/database-bundle.ts";
import { ErthError, ProblemsError, type Problem } from "../base/errors.ts";
import { APPLIED_TABLE, type Recorded } from "./applied.ts";

/**
 * The migrations still to run, in order. Throws `DATABASE_NEWER` for a schema
 * that a newer app has made, `DATABASE_UNKNOWN` for a file that no ERTH app
 * has made, and `DATABASE_MIGRATION_CHANGED` or `DATABASE_MIGRATION_MISSING`,
 * all at once, for applied migrations that this app has otherwise or not at all.
 */
export function pendingMigrations(recorded: Recorded, bundle: DatabaseBundle, path: string): readonly Migration[] {
  const { userVersion, applied } = recorded;
  const known = bundle.migrations;
  const facts = { path, schemaVersion: userVersion, expected: bundle.schemaVersion };
  if (applied !== undefined && userVersion > bundle.schemaVersion) {
    throw new ErthError({
      code: "DATABASE_NEWER",
      message: `${path} has schema version ${userVersion}, this app knows ${bundle.schemaVersion}: a newer version of the app has used it. It was left as it is.`,
      remedy: "install the newest version of the app and start that",
      facts,
    });
  }
  if (applied === undefined || applied.length !== userVersion) {
    const why =
      applied === undefined
        ? `it has no table ${APPLIED_TABLE}`
        : `its schema version is ${userVersion}, but ${applied.length} migrations are recorded`;
    throw new ErthError({
      code: "DATABASE_UNKNOWN",
      message: `${path} was not made by this app: ${why}. It was left as it is.`,
      remedy: `move ${path} to another folder and start again: the app makes a new one`,
      facts,
    });
  }
  const problems = applied.flatMap((row, index) => problemOf(row, known[index], path));
  if (problems.length > 0) throw new ProblemsError(problems);
  return known.slice(applied.length);
}

function problemOf(
  row: { readonly name: string; readonly sha256: string },
  known: Migration | undefined,
  path: string,
): readonly Problem[] {
  if (known?.name !== row.name) {
    return [
      {
        code: "DATABASE_MIGRATION_MISSING",
        message: `${path} has run the migration ${row.name}; this app has ${known?.name ?? "none"} in its place.`,
        remedy: `put ${row.name}.sql back as it was released; changes go into a new migration`,
      },
    ];
  }
  if (known.sha256 === row.sha256) return [];
  return [
    {
      code: "DATABASE_MIGRATION_CHANGED",
      message: `${row.name}.sql has changed since ${path} ran it: SHA-256 was ${row.sha256.slice(0, 12)}, is ${known.sha256.slice(0, 12)}.`,
      remedy: `put ${row.name}.sql back as it was released; changes go into a new migration`,
    },
  ];
}
