import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { checkSql } from "../../../../build/database/check-sql.ts";
import { parseMigration, readMigrations } from "../../../../build/database/migrations.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folderWith(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(join(tmpdir(), "erth-migrations-"));
  folders.push(folder);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

/** Code and message of every problem, without the folder. */
async function problemsOf(files: Readonly<Record<string, string | Uint8Array>>): Promise<readonly string[]> {
  const folder = folderWith(files);
  const { migrations, problems } = await readMigrations(folder);
  return [...problems, ...checkSql(migrations, folder)].map(({ code, message }) =>
    `${code} ${message}`.replaceAll(`${folder}/`, "").replaceAll(folder, "FOLDER"),
  );
}

test("a good folder has no problems; other files are let be", async () => {
  expect(
    await problemsOf({ "0001-a.sql": "CREATE TABLE a (x);", "0002-b-2.sql": "DROP TABLE a", "README.md": "" }),
  ).toEqual([]);
});

test("line ends and a byte-order mark do not change a digest; anything else does", () => {
  const digest = (text: string): string => {
    const parsed = parseMigration("0001-a", new TextEncoder().encode(text));
    if ("problem" in parsed) throw new Error(parsed.problem.message);
    return parsed.migration.sha256;
  };
  expect(digest("\uFEFFSELECT 1;\r\nSELECT 2;\r\n")).toBe(digest("SELECT 1;\nSELECT 2;\n"));
  expect(digest("SELECT 1;\n\n")).not.toBe(digest("SELECT 1;\n"));
});

test("a folder that is missing or empty", async () => {
  const { problems } = await readMigrations(join(tmpdir(), "erth-no-such-folder"));
  expect(problems.map((problem) => problem.code)).toEqual(["MIGRATIONS_MISSING"]);
  expect(await problemsOf({ "readme.txt": "" })).toEqual([
    "MIGRATIONS_MISSING The migrations folder FOLDER holds no .sql file.",
  ]);
});

test("every fault of names and bytes is told at once", async () => {
  expect(
    await problemsOf({
      "0001-a.sql": "CREATE TABLE a (x);",
      "0001-b.sql": "CREATE TABLE b (x);",
      "0004-c.sql": "CREATE TABLE c (x);",
      "0005-d.sql": " \n",
      "0006-e.sql": new Uint8Array([0x53, 0xff]),
      "0007-f.sql": "SELECT 1;\nSELECT\0 2;",
      "0008-g.sql": "-- nothing yet",
      "5-h.sql": "SELECT 1",
      "0009-I.SQL": "SELECT 1",
    }),
  ).toEqual([
    "MIGRATION_NAME 0009-I.SQL is not named like a migration: NNNN-name.sql, four digits, then small letters, digits and hyphens.",
    "MIGRATION_NAME 5-h.sql is not named like a migration: NNNN-name.sql, four digits, then small letters, digits and hyphens.",
    "MIGRATION_NUMBER 0001-b.sql and 0001-a.sql in FOLDER have the same number.",
    "MIGRATION_NUMBER 0004-c.sql in FOLDER should be number 0002: numbers start at 0001 and have no gaps.",
    "MIGRATION_INVALID 0005-d.sql is empty.",
    "MIGRATION_INVALID 0006-e.sql is not UTF-8 text.",
    "MIGRATION_INVALID 0007-f.sql has a NUL character on line 2: SQLite stops reading there.",
    "MIGRATION_SQL 0008-g.sql:1: there is no statement in it.",
  ]);
});

test("faults of SQL are told with file and line; consequences of the first one are not", async () => {
  expect(
    await problemsOf({
      "0001-a.sql": "CREATE TABLE a (\n  x,\n  y z,,\n  w);\nINSERT INTO a VALUES (1);",
      "0002-b.sql": "SELECT x FROM a;\n\nCREATE TABL b (x);\nSELECT 'open",
    }),
  ).toEqual([
    'MIGRATION_SQL 0001-a.sql:3: near ",": syntax error.',
    'MIGRATION_SQL 0002-b.sql:3: near "TABL": syntax error.',
    `MIGRATION_SQL 0002-b.sql:4: unrecognized token: "'open".`,
  ]);
});

test("a statement that fails only when it runs has its line, too", async () => {
  expect(await problemsOf({ "0001-a.sql": "CREATE TABLE a (x NOT NULL);\nINSERT INTO a\nVALUES (NULL);" })).toEqual([
    "MIGRATION_SQL 0001-a.sql:2: NOT NULL constraint failed: a.x.",
  ]);
  expect(
    await problemsOf({
      "0001-a.sql": "CREATE TABLE a (x UNIQUE);INSERT INTO a VALUES (1);\nINSERT OR ROLLBACK INTO a VALUES (1);",
    }),
  ).toEqual(["MIGRATION_SQL 0001-a.sql:2: UNIQUE constraint failed: a.x."]);
  expect(
    await problemsOf({
      "0001-a.sql": "CREATE TABLE a (x PRIMARY KEY);CREATE TABLE b (x REFERENCES a (x));INSERT INTO b VALUES (1);",
    }),
  ).toEqual(["MIGRATION_SQL FOLDER: 1 rows refer to rows that are not there, the first in b (rowid 1) to a."]);
});

test.each([
  ["begin;", "BEGIN"],
  ["COMMIT;", "COMMIT"],
  ["END TRANSACTION", "END"],
  ["ROLLBACK", "ROLLBACK"],
  ["SAVEPOINT s", "SAVEPOINT"],
  ["ATTACH 'x.db' AS x", "ATTACH"],
  ["VACUUM", "VACUUM"],
  ["/* first */ PRAGMA journal_mode = DELETE", "PRAGMA"],
  ['DELETE FROM "Erth_Migrations"', "erth_migrations"],
])("%j may not stand in a migration", async (sql, word) => {
  expect(await problemsOf({ "0001-a.sql": `CREATE TABLE a (x);\n${sql}` })).toEqual([
    expect.stringMatching(new RegExp(`^MIGRATION_SQL 0001-a.sql:2: ${word} may not `)),
  ]);
});
