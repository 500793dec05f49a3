/**
 * The contract of the database, as cases that run on any runtime: vitest runs
 * them on Node, `contract-main.ts` on Bun.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ErthError } from "../../../runtime/base/errors.ts";
import { backup, listBackups } from "../../../runtime/database/backup.ts";
import { openDatabase } from "../../../runtime/database/open.ts";
import { restore } from "../../../runtime/database/restore.ts";
import type { Store } from "../../../runtime/database/store.ts";
import { bundleOf, bundleWithSeed, NOTES, PRIORITY, TODOS } from "./bundles.ts";

export interface Case {
  readonly name: string;
  run(folder: string): void | Promise<void>;
}

/** Runs a case in a fresh folder whose name is not ASCII. */
export async function runCase(entry: Case): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "erth-données-数-'#?% "));
  try {
    await entry.run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const [one, two, three] = await Promise.all([
  bundleOf(TODOS),
  bundleOf(TODOS, NOTES),
  bundleOf(TODOS, NOTES, PRIORITY),
]);

function add(store: Store, id: string, title: string): void {
  store.run("INSERT INTO todos (id, title) VALUES (?, ?)", id, title);
}

function count(store: Store, table: string): unknown {
  return store.get(`SELECT count(*) AS n FROM ${table}`)?.n;
}

/** Asserts that `work` throws an `ErthError` with this code, and returns it. */
export function failsWith(code: string, work: () => unknown): ErthError {
  try {
    work();
  } catch (error) {
    assert(error instanceof ErthError, `${String(error)} is no ErthError`);
    assert.equal(error.code, code, error.message);
    return error;
  }
  return assert.fail(`did not throw ${code}`);
}

export const cases: readonly Case[] = [
  {
    name: "first start copies the seed; later starts keep the data",
    run(folder) {
      const first = openDatabase({ folder, bundle: three });
      add(first, "a", "row 1");
      first.close();
      assert.deepEqual(readdirSync(folder), ["app.db", "app.db.lock"]);
      const second = openDatabase({ folder, bundle: three });
      assert.deepEqual({ ...second.get("SELECT * FROM todos") }, { id: "a", title: "row 1", done: 0, priority: 3 });
      second.close();
      assert.equal(listBackups(folder).length, 0);
    },
  },
  {
    name: "the pragmas hold on the connection that the app gets",
    run(folder) {
      const store = openDatabase({ folder, bundle: one });
      const values = ["journal_mode", "synchronous", "foreign_keys", "busy_timeout"].map((name) =>
        Object.values(store.get(`PRAGMA ${name}`) ?? {}),
      );
      assert.deepEqual(values, [["wal"], [1], [1], [5000]]);
      store.close();
    },
  },
  {
    name: "pending migrations run after a backup, in order, with the data kept",
    run(folder) {
      const old = openDatabase({ folder, bundle: one });
      for (let index = 0; index < 20; index++) add(old, String(index), `row ${index}`);
      old.close();
      const lines: string[] = [];
      const store = openDatabase({ folder, bundle: three, log: (text) => lines.push(text) });
      assert.equal(count(store, "todos"), 20);
      assert.equal(count(store, "notes"), 20);
      assert.equal(store.get("SELECT count(*) AS n FROM todos WHERE priority = 1")?.n, 11);
      assert.deepEqual(
        store.all("SELECT name FROM erth_migrations ORDER BY name").map((row) => row.name),
        ["0001-step", "0002-step", "0003-step"],
      );
      store.run("DELETE FROM todos WHERE id = '1'");
      assert.equal(count(store, "notes"), 19, "foreign keys are on again");
      store.close();
      assert.deepEqual(
        listBackups(folder).map((entry) => entry.schemaVersion),
        [1],
      );
      assert.match(lines.join("\n"), /backed up as app-v1-.*\n.*0002-step, 0003-step/);
    },
  },
  {
    name: "a failed migration is rolled back and told with its line; the old app still works",
    run(folder) {
      const old = openDatabase({ folder, bundle: one });
      add(old, "a", "kept");
      old.close();
      const before = readFileSync(join(folder, "app.db"));
      const bad = bundleWithSeed(
        one.seed,
        TODOS,
        NOTES,
        "UPDATE todos SET done = 1;\n\nINSERT INTO todos\n  VALUES ('b', NULL, 0);",
      );
      const error = failsWith("DATABASE_MIGRATION_FAILED", () => openDatabase({ folder, bundle: bad }));
      assert.match(
        error.message,
        /^0003-step\.sql:3: NOT NULL constraint failed: todos\.title\. Everything was rolled back: .* at version 1; a backup of it is .*app-v1-/,
      );
      failsWith("DATABASE_MIGRATION_FAILED", () => openDatabase({ folder, bundle: bad }));
      assert.equal(listBackups(folder).length, 1, "an unchanged database is not backed up again");
      const again = openDatabase({ folder, bundle: one });
      assert.deepEqual({ ...again.get("SELECT * FROM todos") }, { id: "a", title: "kept", done: 0 });
      again.close();
      assert.equal(readFileSync(join(folder, "app.db")).length, before.length);
    },
  },
  {
    name: "a migration whose rows lose their parent fails as a whole",
    run(folder) {
      const old = openDatabase({ folder, bundle: two });
      add(old, "a", "kept");
      old.close();
      const orphans = bundleWithSeed(two.seed, TODOS, NOTES, "DELETE FROM todos;");
      const lost = failsWith("DATABASE_MIGRATION_FAILED", () => openDatabase({ folder, bundle: orphans }));
      assert.match(lost.message, /1 rows refer to rows that are not there, the first in notes/);
      const again = openDatabase({ folder, bundle: two });
      assert.equal(count(again, "todos"), 1);
      again.close();
    },
  },
  {
    name: "a newer schema is refused and left alone",
    run(folder) {
      openDatabase({ folder, bundle: three }).close();
      const before = readFileSync(join(folder, "app.db"));
      const error = failsWith("DATABASE_NEWER", () => openDatabase({ folder, bundle: one }));
      assert.match(error.message, /schema version 3, this app knows 1/);
      assert(readFileSync(join(folder, "app.db")).equals(before));
    },
  },
  {
    name: "changed and missing migrations are refused, all at once",
    run(folder) {
      openDatabase({ folder, bundle: two }).close();
      const changed = bundleWithSeed(two.seed, `${TODOS}-- more`, `${NOTES}-- more`);
      const error = failsWith("DATABASE_MIGRATION_CHANGED", () => openDatabase({ folder, bundle: changed }));
      assert.equal((error.facts.problems as unknown[]).length, 2);
      const renamed = { ...two, migrations: two.migrations.map((entry) => ({ ...entry, name: `${entry.name}-x` })) };
      failsWith("DATABASE_MIGRATION_MISSING", () => openDatabase({ folder, bundle: renamed }));
    },
  },
  {
    name: "a file of another program is refused and left alone",
    async run(folder) {
      const foreign = await bundleOf(TODOS);
      openDatabase({ folder, bundle: foreign }).close();
      const store = openDatabase({ folder, bundle: foreign });
      store.run("DROP TABLE erth_migrations");
      store.close();
      failsWith("DATABASE_UNKNOWN", () => openDatabase({ folder, bundle: foreign }));
      writeFileSync(join(folder, "app.db"), "a text, not a database\n".repeat(400));
      failsWith("DATABASE_DAMAGED", () => openDatabase({ folder, bundle: foreign }));
      assert.match(readFileSync(join(folder, "app.db"), "utf8"), /^a text/);
    },
  },
  {
    name: "backups: five are kept, unchanged ones are not repeated, one is restored while the rest stays",
    run(folder) {
      const times = Array.from({ length: 9 }, (_, index) => new Date(Date.UTC(2026, 0, 1, 12, 0, index)));
      for (const [index, time] of times.entries()) {
        const store = openDatabase({ folder, bundle: one });
        add(store, String(index), `row ${index}`);
        backup({ folder, now: () => time });
        assert.equal(backup({ folder, now: () => time }).madeAt.getTime(), time.getTime());
        store.close();
      }
      const listed = listBackups(folder);
      assert.deepEqual(
        listed.map((entry) => entry.madeAt),
        times.slice(4).reverse(),
      );
      const chosen = listed[2];
      assert(chosen);
      const { replaced, schemaVersion } = restore({ folder, backup: chosen.name });
      assert.equal(schemaVersion, 1);
      assert(replaced !== undefined && existsSync(replaced));
      const store = openDatabase({ folder, bundle: three });
      assert.equal(count(store, "todos"), 7, "restored, then migrated");
      store.close();
      const now = (): Date => new Date(0);
      const asides = [1, 2].map(() => restore({ folder, backup: chosen.name, now }).replaced);
      assert.deepEqual(new Set(asides).size, 2, "nothing that was set aside is replaced");
    },
  },
  {
    name: "restore refuses while the database is open, and a damaged backup",
    run(folder) {
      const store = openDatabase({ folder, bundle: one });
      add(store, "a", "kept");
      const made = backup({ folder });
      add(store, "b", "kept, too");
      failsWith("DATABASE_BUSY", () => restore({ folder, backup: made.name }));
      assert.equal(count(store, "todos"), 2);
      store.close();
      const bytes = readFileSync(made.path);
      writeFileSync(made.path, bytes.subarray(0, bytes.length - 100));
      failsWith("DATABASE_BACKUP_DAMAGED", () => restore({ folder, backup: made.path }));
      failsWith("DATABASE_BACKUP_MISSING", () => restore({ folder, backup: "none.db" }));
      const again = openDatabase({ folder, bundle: one });
      assert.equal(count(again, "todos"), 2);
      again.close();
    },
  },
  {
    name: "a damaged database names the newest good backup; one copy command restores it",
    run(folder) {
      const store = openDatabase({ folder, bundle: one });
      add(store, "a", "kept");
      const good = backup({ folder, now: () => new Date(1000) });
      add(store, "b", "newer");
      const bad = backup({ folder, now: () => new Date(2000) });
      store.close();
      writeFileSync(bad.path, "x".repeat(bad.bytes));
      const database = join(folder, "app.db");
      const damaged = readFileSync(database).fill(0xff, 4096, 8192);
      writeFileSync(database, damaged);
      const error = failsWith("DATABASE_DAMAGED", () => openDatabase({ folder, bundle: one }));
      assert(error.remedy.includes(good.name), error.remedy);
      assert(readFileSync(database).equals(damaged));
      writeFileSync(`${database}.restore`, readFileSync(good.path));
      const again = openDatabase({ folder, bundle: one });
      assert.equal(count(again, "todos"), 1);
      again.close();
      const aside = readdirSync(folder).find((name) => name.startsWith("app-replaced-"));
      assert(aside !== undefined && readFileSync(join(folder, aside)).equals(damaged));
    },
  },
  {
    name: "what stands only in the log of a damaged database is set aside with it, and not replayed into the restored one",
    run(folder) {
      const store = openDatabase({ folder, bundle: one });
      add(store, "a", "kept");
      const good = backup({ folder });
      add(store, "b", "only in the log");
      const log = readFileSync(join(folder, "app.db-wal"));
      store.close();
      writeFileSync(join(folder, "app.db"), "x".repeat(8192));
      writeFileSync(join(folder, "app.db-wal"), log);
      restore({ folder, backup: good.name });
      const again = openDatabase({ folder, bundle: one });
      assert.deepEqual({ ...again.get("PRAGMA integrity_check") }, { integrity_check: "ok" });
      assert.equal(count(again, "todos"), 1);
      again.close();
      const aside = readdirSync(folder).filter((name) => name.startsWith("app-replaced-"));
      assert(aside.some((name) => readFileSync(join(folder, name)).includes("only in the log")));
    },
  },
  {
    name: "a log whose database is gone is not replayed into the seed",
    run(folder) {
      const store = openDatabase({ folder, bundle: one });
      add(store, "a", "lost with its database");
      const log = readFileSync(join(folder, "app.db-wal"));
      store.close();
      rmSync(join(folder, "app.db"));
      writeFileSync(join(folder, "app.db-wal"), log);
      const again = openDatabase({ folder, bundle: one });
      assert.equal(count(again, "todos"), 0);
      again.close();
    },
  },
  {
    name: "a seed that is not whole leaves nothing behind",
    run(folder) {
      failsWith("DATABASE_SEED", () => openDatabase({ folder, bundle: { ...one, seed: one.seed.subarray(0, 5000) } }));
      failsWith("DATABASE_SEED", () => openDatabase({ folder, bundle: { ...two, seed: one.seed } }));
      failsWith("DATABASE_SEED", () => openDatabase({ folder, bundle: { ...one, seed: new Uint8Array(0) } }));
      assert.deepEqual(readdirSync(folder), ["app.db.lock"]);
    },
  },
  {
    name: "what killed starts left behind is deleted",
    run(folder) {
      for (const name of ["app.db.12-ab.part", "app.db.12-ab.part-journal", "app.db.restore.9-cd.part"]) {
        writeFileSync(join(folder, name), "half");
      }
      writeFileSync(join(folder, "my.part"), "not ours");
      openDatabase({ folder, bundle: one }).close();
      assert.deepEqual(readdirSync(folder).sort(), ["app.db", "app.db.lock", "my.part"]);
    },
  },
  {
    name: "values come back as they went in",
    run(folder) {
      const store = openDatabase({ folder, bundle: one });
      store.run("CREATE TABLE kinds (value)");
      const values = [
        "",
        "text 数 😀 ' \" ;",
        0,
        -1,
        1.5,
        2 ** 53,
        -(2 ** 40),
        2n ** 62n,
        -(2n ** 63n),
        null,
        Infinity,
      ];
      for (const value of values) {
        store.run("DELETE FROM kinds");
        store.run("INSERT INTO kinds VALUES (?)", value);
        assert.deepEqual(store.get("SELECT value FROM kinds WHERE value IS ?", value)?.value, value);
      }
      assert.equal(store.get("SELECT typeof(?) AS t", 1)?.t, "integer");
      const bytes = new Uint8Array([9, 0, 255, 7]).subarray(1, 3);
      for (const found of [store.get("SELECT ? AS v", bytes)?.v, store.all("SELECT ? AS v", bytes)[0]?.v]) {
        assert(found instanceof Uint8Array);
        assert.deepEqual([...found], [0, 255]);
      }
      assert.equal(store.get("SELECT ? AS v", "\ud800!")?.v, "\ufffd!");
      const wrong = [Number.NaN, 2n ** 63n, "a\0b", undefined, true, {}, [1], new Date(), Symbol("s")];
      for (const value of wrong) assert.throws(() => store.run("INSERT INTO kinds VALUES (?)", value as string));
      store.close();
    },
  },
  {
    name: "statements: counts must match, one at a time, rows only from get and all",
    run(folder) {
      const store = openDatabase({ folder, bundle: one });
      assert.equal(store.run("INSERT INTO todos (id, title) VALUES (?, ?), (?, ?)", "a", "x", "b", "y").changes, 2);
      assert.throws(() => store.get("SELECT ?, ?", 1), /1 values for 2/);
      assert.throws(() => store.get("SELECT ?", 1, 2), /2 values for 1/);
      assert.deepEqual({ ...store.get("SELECT ?2 AS a, ?1 AS b, '?' AS c -- ?", 1, 2) }, { a: 2, b: 1, c: "?" });
      assert.throws(() => store.run("DELETE FROM todos; DELETE FROM todos"), /one statement/);
      assert.throws(() => store.all("SELECT :id", 1), /by position/);
      assert.throws(() => store.run("INSERT INTO todos (id, title) VALUES ('c', 'z') RETURNING id"), /returns rows/);
      assert.equal(store.get("INSERT INTO todos (id, title) VALUES ('c', 'z') RETURNING id")?.id, "c");
      assert.throws(() => add(store, "a", "twice"), { code: "SQLITE_CONSTRAINT_PRIMARYKEY" });
      assert.equal(store.get("SELECT 1 AS one WHERE 0"), undefined);
      assert.deepEqual(Object.keys(store.get("SELECT * FROM todos") ?? {}), ["id", "title", "done"]);
      store.run("ALTER TABLE todos ADD COLUMN more TEXT DEFAULT 'm'");
      assert.equal(store.get("SELECT * FROM todos")?.more, "m");
      store.close();
      assert.throws(() => store.get("SELECT 1"), /closed/);
      assert.doesNotThrow(() => store.close());
    },
  },
  {
    name: "transactions commit, roll back, and refuse to nest or to wait",
    run(folder) {
      const store = openDatabase({ folder, bundle: one });
      assert.equal(
        store.transaction(() => {
          add(store, "a", "x");
          return 7;
        }),
        7,
      );
      const fails = (): void => {
        add(store, "b", "y");
        throw new RangeError("no");
      };
      assert.throws(() => store.transaction(fails), RangeError);
      assert.throws(() => store.transaction(() => store.transaction(() => 1)), /already open/);
      assert.throws(() => store.transaction(async () => add(store, "c", "z")), /synchronous/);
      assert.equal(count(store, "todos"), 1);
      store.close();
    },
  },
  {
    name: "reads leave nothing open: the log is emptied at checkpoints and backups run beside the app",
    run(folder) {
      const store = openDatabase({ folder, bundle: one });
      add(store, "a", "x");
      store.get("SELECT * FROM todos");
      store.all("SELECT * FROM todos");
      assert.equal(Object.values(store.get("PRAGMA wal_checkpoint(TRUNCATE)") ?? {})[0], 0);
      assert.equal(backup({ folder }).schemaVersion, 1);
      store.close();
    },
  },
];
