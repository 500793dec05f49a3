import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { ResolvedConfig } from "../../../build/config/resolved-config.ts";
import { database } from "../../../build/stages/database.ts";
import type { AppContext } from "../../../build/stages/stage.ts";
import type { DatabaseBundle } from "../../../runtime/base/database-bundle.ts";
import { openDatabase } from "../../../runtime/database/open.ts";
import { NOTES, PRIORITY, TODOS } from "./bundles.ts";

const root = mkdtempSync(join(tmpdir(), "erth-stage-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;

function newFolder(files: Readonly<Record<string, string>> = {}): string {
  const folder = join(root, `"it's" 数 ${++folders}`);
  mkdirSync(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** A context with the parts that the stage uses. */
function context(migrations: string | undefined): AppContext {
  const config = { database: migrations === undefined ? undefined : { migrations } } as ResolvedConfig;
  return { config, workFolder: newFolder() } as Partial<AppContext> as AppContext;
}

if (database.scope !== "app") throw new Error("the database is the same for every target");
const stage = database;

async function build(migrations: string): Promise<string> {
  const drafts = await stage.run(context(migrations), {});
  expect(drafts.map((draft) => draft.kind)).toEqual(["database"]);
  return drafts[0]?.path ?? "";
}

function digests(folder: string): readonly string[] {
  return readdirSync(folder).map(
    (name) =>
      `${name} ${createHash("sha256")
        .update(readFileSync(join(folder, name)))
        .digest("hex")}`,
  );
}

const files = {
  "0001-todos.sql": `${TODOS}INSERT INTO todos (id, title) VALUES ('welcome', 'hello');`,
  "0002-notes.sql": NOTES,
  "0003-priority.sql": PRIORITY,
};

test("makes the seed and the migrations, which the runtime opens", async () => {
  const folder = await build(newFolder(files));
  const parsed = JSON.parse(readFileSync(join(folder, "database.json"), "utf8")) as Omit<DatabaseBundle, "seed">;
  expect(parsed.schemaVersion).toBe(3);
  expect(parsed.migrations.map((migration) => migration.name)).toEqual(["0001-todos", "0002-notes", "0003-priority"]);
  for (const { sha256, sql } of parsed.migrations) {
    expect(createHash("sha256").update(sql).digest("hex")).toBe(sha256);
  }
  const seed = readFileSync(join(folder, "seed.db"));
  const store = openDatabase({ folder: newFolder(), bundle: { ...parsed, seed } });
  expect(store.all("SELECT id, priority FROM todos")).toEqual([{ id: "welcome", priority: 3 }]);
  expect(store.get("SELECT DISTINCT applied_at FROM erth_migrations")).toEqual({
    applied_at: "2000-01-01T00:00:00.000Z",
  });
  store.close();
});

test("same migrations, same bytes: another folder, another time, Windows line ends", async () => {
  const first = newFolder(files);
  const second = newFolder();
  cpSync(first, second, { recursive: true });
  const third = newFolder(
    Object.fromEntries(Object.entries(files).map(([name, text]) => [name, `\uFEFF${text.replaceAll("\n", "\r\n")}`])),
  );
  const one = digests(await build(first));
  expect(one.length).toBe(2);
  expect(digests(await build(second))).toEqual(one);
  expect(digests(await build(third))).toEqual(one);
  const other = newFolder({ ...files, "0003-priority.sql": `${PRIORITY}-- changed` });
  expect(digests(await build(other))).not.toEqual(one);
});

test("a seed that holds the time or chance is refused; a default that no row has taken is not", async () => {
  const table = "CREATE TABLE a (x, at TEXT DEFAULT CURRENT_TIMESTAMP);";
  await build(newFolder({ "0001-a.sql": `${table}INSERT INTO a VALUES (1, '2026-01-01');` }));
  await build(newFolder({ "0001-a.sql": table }));
  const taken = newFolder({ "0001-a.sql": table, "0002-b.sql": "INSERT INTO a (x) VALUES (1);" });
  await expect(build(taken)).rejects.toMatchObject({ code: "SEED_VARIES" });
});

test("an app without a database gets an empty bundle and no seed", async () => {
  const ctx = context(undefined);
  expect(await stage.preflight?.(ctx)).toEqual([]);
  const [draft] = await stage.run(ctx, {});
  expect(draft?.facts).toEqual({ schemaVersion: 0, migrations: [] });
  expect(readdirSync(draft?.path ?? "")).toEqual(["database.json"]);
});

test("preflight gathers the faults of names and of SQL", async () => {
  expect(await stage.preflight?.(context(newFolder(files)))).toEqual([]);
  const problems = await stage.preflight?.(
    context(
      newFolder({ ...files, "0002-again.sql": "CREATE TABLE b (\n  x,,\n);", "0005-x.sql": "PRAGMA user_version = 9" }),
    ),
  );
  expect(problems?.map((problem) => problem.code)).toEqual([
    "MIGRATION_NUMBER",
    "MIGRATION_NUMBER",
    "MIGRATION_SQL",
    "MIGRATION_SQL",
  ]);
  expect(problems?.[2]?.message).toMatch(/0002-again\.sql:2: near ",": syntax error\.$/);
});

test("its key holds the migrations and the engines' versions", async () => {
  const migrations = newFolder(files);
  expect(await stage.reads?.(context(migrations))).toEqual({
    files: [migrations],
    values: [expect.stringMatching(/^@libsql\/client \d/), expect.stringMatching(/^libsql \d/)],
  });
});
