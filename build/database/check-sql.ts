/**
 * Runs every migration on an empty database in memory and gathers what SQLite
 * refuses, with file and line. After the first failure only faults of form are
 * told: a missing table would be the failure's consequence.
 */
import type { Migration } from "../../runtime/base/database-bundle.ts";
import { ErthError, messageOf, type Problem } from "../../runtime/base/errors.ts";
import { CREATE_APPLIED_TABLE, recordApplied } from "../../runtime/database/applied.ts";
import { connect, type Connection } from "../../runtime/database/driver.ts";
import { isSyntaxFault } from "../../runtime/database/fault-line.ts";
import { forbiddenReason } from "../../runtime/database/forbidden.ts";
import { checkReferences, runStatement, StatementFault } from "../../runtime/database/migrate.ts";
import { splitStatements } from "../../runtime/database/statements.ts";
import { join } from "node:path";

/** Every problem of the migrations' SQL; `folder` is for the messages. */
export function checkSql(migrations: readonly Migration[], folder: string): readonly Problem[] {
  const connection = connect(":memory:");
  try {
    connection.exec(`PRAGMA foreign_keys = OFF; ${CREATE_APPLIED_TABLE}; BEGIN IMMEDIATE`);
    return runAll(connection, migrations, folder);
  } finally {
    connection.close();
  }
}

function runAll(connection: Connection, migrations: readonly Migration[], folder: string): readonly Problem[] {
  const problems: Problem[] = [];
  for (const [index, migration] of migrations.entries()) {
    const file = join(folder, `${migration.name}.sql`);
    const statements = splitStatements(migration.sql);
    if (statements.length === 0) {
      problems.push(
        sqlProblem(file, 1, "there is no statement in it", "write its SQL, or delete it if it was never released"),
      );
    }
    for (const statement of statements) {
      const forbidden = forbiddenReason(statement);
      if (forbidden) {
        problems.push(sqlProblem(file, statement.line, forbidden.message, forbidden.remedy));
        continue;
      }
      try {
        runStatement(connection, statement);
      } catch (error) {
        if (!(error instanceof StatementFault)) throw error;
        if (problems.length === 0 || isSyntaxFault(error.message)) {
          problems.push(
            sqlProblem(file, error.line, error.message, `correct ${file}:${error.line} and run the command again`),
          );
        }
        if (!connection.inTransaction) connection.exec("BEGIN IMMEDIATE");
      }
    }
    for (const sql of recordApplied(migration, index + 1, new Date(0))) connection.exec(sql);
  }
  if (problems.length > 0) return problems;
  try {
    checkReferences(connection);
    return [];
  } catch (error) {
    if (error instanceof ErthError) throw error;
    return [
      {
        code: "MIGRATION_SQL",
        message: `${folder}: ${messageOf(error)}.`,
        remedy: "correct the rows that the migrations insert",
      },
    ];
  }
}

function sqlProblem(file: string, line: number, message: string, remedy: string): Problem {
  return { code: "MIGRATION_SQL", message: `${file}:${line}: ${message}.`, remedy };
}
