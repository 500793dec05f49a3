/** Opens a database with each of the named bundles in turn; prints a line for each: `ok <rows>`, or code and message. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ErthError } from "../../../runtime/base/errors.ts";
import type { DatabaseBundle } from "../../../runtime/base/database-bundle.ts";
import { openDatabase } from "../../../runtime/database/open.ts";

const [, , folder = "", around = "", ...names] = process.argv;
for (const name of names) {
  const parsed = JSON.parse(readFileSync(join(around, `${name}.json`), "utf8")) as Omit<DatabaseBundle, "seed">;
  try {
    const store = openDatabase({ folder, bundle: { ...parsed, seed: readFileSync(join(around, `${name}.seed`)) } });
    console.log(`ok ${String(store.get("SELECT count(*) AS n FROM todos")?.n)}`);
    store.close();
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    console.log(`${error.code} ${error.message}`);
  }
  console.log(`left: ${readdirSync(folder).join(" ")}`);
}
