/** Bundles for the database's tests, made from SQL texts as `erth build` makes them from files. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseMigration } from "../../../build/database/migrations.ts";
import { makeSeed } from "../../../build/database/make-seed.ts";
import type { DatabaseBundle, Migration } from "../../../runtime/base/database-bundle.ts";

export const TODOS = `CREATE TABLE todos (
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  done INTEGER NOT NULL DEFAULT 0
);
`;
export const NOTES = `-- a table, a trigger with CASE … END, and a row for each todo
CREATE TABLE notes (todo TEXT NOT NULL REFERENCES todos (id) ON DELETE CASCADE, text TEXT NOT NULL);
CREATE TRIGGER todo_note AFTER INSERT ON todos BEGIN
  INSERT INTO notes VALUES (new.id, CASE WHEN new.done THEN 'done;' ELSE 'open;' END);
END;
INSERT INTO notes SELECT id, 'was here' FROM todos;
`;
export const PRIORITY = `ALTER TABLE todos ADD COLUMN priority INTEGER NOT NULL DEFAULT 3;
UPDATE todos SET priority = 1 WHERE title LIKE 'row 1%';
`;

/** A bundle of the SQL texts, named `0001-step`, `0002-step` …. */
export async function bundleOf(...texts: readonly string[]): Promise<DatabaseBundle> {
  const migrations = migrationsOf(texts);
  const folder = mkdtempSync(join(tmpdir(), "erth-seed-"));
  try {
    const path = join(folder, "seed.db");
    await makeSeed(migrations, path);
    return { schemaVersion: migrations.length, migrations, seed: new Uint8Array(readFileSync(path)) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A bundle whose seed is another's: for migrations that cannot make a seed. */
export function bundleWithSeed(seed: Uint8Array, ...texts: readonly string[]): DatabaseBundle {
  const migrations = migrationsOf(texts);
  return { schemaVersion: migrations.length, migrations, seed };
}

function migrationsOf(texts: readonly string[]): readonly Migration[] {
  return texts.map((text, index) => {
    const parsed = parseMigration(`${String(index + 1).padStart(4, "0")}-step`, new TextEncoder().encode(text));
    if ("problem" in parsed) throw new Error(parsed.problem.message);
    return parsed.migration;
  });
}
