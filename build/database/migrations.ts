/**
 * `migrations/NNNN-name.sql` → `Migration`s, with every fault of the folder at
 * once. Text is taken with LF line ends and without a byte-order mark, so that
 * a checkout on Windows gives the same digest; a CR LF inside an SQL string is
 * an LF, too.
 */
import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, systemCode, type Problem } from "../../runtime/base/errors.ts";
import type { Migration } from "../../runtime/base/database-bundle.ts";

export interface MigrationFolder {
  /** In order; those with problems are left out. */
  readonly migrations: readonly Migration[];
  readonly problems: readonly Problem[];
}

const NAME = /^(?<number>\d{4})-[a-z0-9]+(?:-[a-z0-9]+)*\.sql$/;

/** Reads every `.sql` file of the folder; other files, such as a README, are not migrations. Never throws for what a user can mend. */
export async function readMigrations(folder: string): Promise<MigrationFolder> {
  let entries: readonly string[];
  try {
    entries = (await readdir(folder)).filter((name) => name.toLowerCase().endsWith(".sql")).sort();
  } catch (error) {
    const what = systemCode(error) === "ENOENT" ? "does not exist" : `cannot be read: ${messageOf(error)}`;
    return { migrations: [], problems: [missing(`The migrations folder ${folder} ${what}.`, folder)] };
  }
  if (entries.length === 0) {
    return { migrations: [], problems: [missing(`The migrations folder ${folder} holds no .sql file.`, folder)] };
  }
  const problems = [...nameProblems(entries, folder)];
  const migrations: Migration[] = [];
  for (const entry of entries) {
    const read = parseMigration(entry.slice(0, -".sql".length), await readFile(join(folder, entry)));
    if ("problem" in read)
      problems.push({ ...read.problem, message: `${join(folder, entry)} ${read.problem.message}` });
    else migrations.push(read.migration);
  }
  return { migrations, problems };
}

/** One file's bytes → a migration, or the problem without the file's name. */
export function parseMigration(
  name: string,
  bytes: Uint8Array,
): { readonly migration: Migration } | { readonly problem: Problem } {
  const refuse = (message: string, remedy: string): { readonly problem: Problem } => ({
    problem: { code: "MIGRATION_INVALID", message, remedy },
  });
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return refuse("is not UTF-8 text.", "save it as UTF-8");
  }
  const nul = text.indexOf("\0");
  if (nul >= 0) {
    return refuse(
      `has a NUL character on line ${text.slice(0, nul).split("\n").length}: SQLite stops reading there.`,
      "delete it",
    );
  }
  const sql = text.replaceAll("\r\n", "\n");
  if (sql.trim() === "") return refuse("is empty.", "write its SQL, or delete it if it was never released");
  return { migration: { name, sha256: createHash("sha256").update(sql).digest("hex"), sql } };
}

function nameProblems(entries: readonly string[], folder: string): readonly Problem[] {
  const problems: Problem[] = [];
  const wellNamed: { readonly entry: string; readonly number: number }[] = [];
  for (const entry of entries) {
    const number = NAME.exec(entry)?.groups?.number;
    if (number !== undefined) wellNamed.push({ entry, number: Number(number) });
    else {
      problems.push({
        code: "MIGRATION_NAME",
        message: `${join(folder, entry)} is not named like a migration: NNNN-name.sql, four digits, then small letters, digits and hyphens.`,
        remedy: `rename it, for example to ${String(wellNamed.length + 1).padStart(4, "0")}-todos.sql`,
      });
    }
  }
  let expected = 1;
  for (const [index, { entry, number }] of wellNamed.entries()) {
    const before = wellNamed[index - 1];
    if (before?.number === number) {
      problems.push({
        code: "MIGRATION_NUMBER",
        message: `${entry} and ${before.entry} in ${folder} have the same number.`,
        remedy: `rename the newer one to ${String((wellNamed.at(-1)?.number ?? 0) + 1).padStart(4, "0")}-…`,
      });
      continue;
    }
    if (number !== expected) {
      problems.push({
        code: "MIGRATION_NUMBER",
        message: `${entry} in ${folder} should be number ${String(expected).padStart(4, "0")}: numbers start at 0001 and have no gaps.`,
        remedy: "put the missing file back, or rename those that were never released",
      });
    }
    expected = number + 1;
  }
  return problems;
}

function missing(message: string, folder: string): Problem {
  return {
    code: "MIGRATIONS_MISSING",
    message,
    remedy: `write ${join(folder, "0001-todos.sql")}, set database.migrations, or remove database from the config`,
  };
}
