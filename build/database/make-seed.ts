/**
 * Migrations → the seed file. They run on an empty database in memory, as the
 * runtime would run them; `VACUUM INTO` then writes one compact file, with no
 * journal beside it, and leaves no handle open on it. Same migrations, same
 * bytes: the record carries a fixed time, and rows that take the clock or
 * chance into the seed are refused.
 */
import { readFile, rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient, type Client, type Value } from "@libsql/client";
import type { Migration } from "../../runtime/base/database-bundle.ts";
import { ErthError } from "../../runtime/base/errors.ts";
import { APPLIED_TABLE, CREATE_APPLIED_TABLE, recordApplied } from "../../runtime/database/applied.ts";
import { quote, rowsOf, withFile } from "../../runtime/database/driver.ts";
import { splitStatements } from "../../runtime/database/statements.ts";
import { tokenize } from "../../runtime/database/tokens.ts";

/** When every migration in a seed was "applied": the build's own clock would change its bytes. */
const SEED_TIME = new Date("2000-01-01T00:00:00.000Z");

/**
 * Writes the seed to `path`, which must not exist. Throws `SEED_INVALID` if it
 * does not pass its own checks and `SEED_VARIES` if a second run gives other bytes.
 */
export async function makeSeed(migrations: readonly Migration[], path: string): Promise<void> {
  await writeSeed(migrations, path);
  const suspects = migrations.filter(usesClockOrChance).map((migration) => `${migration.name}.sql`);
  if (suspects.length === 0 || !hasRows(path)) return;
  // SQLite's clock has a grain of one second.
  await sleep(1000 - (Date.now() % 1000));
  const second = `${path}.second`;
  await writeSeed(migrations, second);
  const isSame = (await readFile(path)).equals(await readFile(second));
  await rm(second);
  if (isSame) return;
  await rm(path);
  throw new ErthError({
    code: "SEED_VARIES",
    message: `Two runs of the migrations give two different seeds: rows that they insert hold the time or a random value (${suspects.join(", ")}).`,
    remedy: "write fixed values into the rows that migrations insert, defaults included, and run erth build",
    facts: { migrations: suspects },
  });
}

async function writeSeed(migrations: readonly Migration[], path: string): Promise<void> {
  const client = createClient({ url: ":memory:" });
  try {
    await client.execute("PRAGMA foreign_keys = OFF");
    await client.batch([CREATE_APPLIED_TABLE, ...migrations.flatMap(statementsOf)], "write");
    await expect(client, "PRAGMA foreign_key_check", "");
    await client.execute(`VACUUM INTO ${quote(path)}`);
    await client.execute({ sql: "ATTACH ? AS seed", args: [path] });
    await expect(client, "PRAGMA seed.integrity_check", "ok");
    await expect(client, "PRAGMA seed.user_version", String(migrations.length));
    await expect(client, "PRAGMA seed.journal_mode", "delete");
    await client.execute("DETACH seed");
  } finally {
    client.close();
  }
}

function statementsOf(migration: Migration, index: number): readonly string[] {
  return [...splitStatements(migration.sql).map(({ sql }) => sql), ...recordApplied(migration, index + 1, SEED_TIME)];
}

async function expect(client: Client, sql: string, expected: string): Promise<void> {
  const { rows } = await client.execute(sql);
  const found = rows.map((row) => textOf(row[0])).join("; ");
  if (found === expected) return;
  throw new ErthError({
    code: "SEED_INVALID",
    message: `The seed made from the migrations is not sound: ${sql} gives ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}.`,
    remedy: "correct the migrations and run erth build",
  });
}

function textOf(value: Value | undefined): string {
  return value instanceof ArrayBuffer ? "a blob" : String(value);
}

const CLOCK_OR_CHANCE =
  /^(?:current_(?:timestamp|date|time)|random|randomblob|datetime|date|time|julianday|unixepoch|strftime|timediff)$/i;

function usesClockOrChance(migration: Migration): boolean {
  return tokenize(migration.sql).some(({ kind, text }) => kind === "word" && CLOCK_OR_CHANCE.test(text));
}

function hasRows(path: string): boolean {
  return withFile(path, (connection) => {
    const tables = rowsOf(connection, "SELECT name FROM file.sqlite_schema WHERE type = 'table' AND name <> ?", [
      APPLIED_TABLE,
    ]);
    return tables.some(({ name }) => {
      const table = `"${String(name).replaceAll('"', '""')}"`;
      return rowsOf(connection, `SELECT 1 FROM file.${table} LIMIT 1`).length > 0;
    });
  });
}
