/** A `Store` in memory with the app's migrations applied, for tests that need no file. */
import { readdirSync, readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Store } from "../../../runtime/database/store.ts";

const MIGRATIONS = new URL("../../../app/migrations/", import.meta.url);

/** The app's migrations in order, as SQL. */
function appMigrations(): readonly { readonly name: string; readonly sql: string }[] {
  return readdirSync(MIGRATIONS)
    .sort()
    .map((name) => ({ name, sql: readFileSync(new URL(name, MIGRATIONS), "utf8") }));
}

/** An empty list of todos; `withWelcome` keeps the rows that a new user meets. */
export function memoryStore(options: { readonly withWelcome?: boolean } = {}): Store {
  const database = new DatabaseSync(":memory:");
  for (const { name, sql } of appMigrations()) {
    if (options.withWelcome === true || !name.includes("welcome")) database.exec(sql);
  }
  const store: Store = {
    all: (sql, ...values) => database.prepare(sql).all(...values),
    get: (sql, ...values) => database.prepare(sql).get(...values),
    run: (sql, ...values) => ({ changes: Number(database.prepare(sql).run(...values).changes) }),
    transaction(work) {
      database.exec("BEGIN IMMEDIATE");
      try {
        const result = work();
        database.exec("COMMIT");
        return result;
      } catch (error) {
        database.exec("ROLLBACK");
        throw error;
      }
    },
    close: () => database.close(),
  };
  return store;
}
