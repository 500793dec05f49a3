/** The `database` stage: `migrations/*.sql` → `database.json` and `seed.db`, the same bytes on every machine. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { findPackageJSON } from "node:module";
import { join } from "node:path";
import type { DatabaseBundle } from "../../runtime/base/database-bundle.ts";
import { ProblemsError, type Problem } from "../../runtime/base/errors.ts";
import { checkSql } from "../database/check-sql.ts";
import { makeSeed } from "../database/make-seed.ts";
import { readMigrations } from "../database/migrations.ts";
import { appStage } from "./stage.ts";

/** The packages whose version decides the seed's bytes. */
const ENGINES = ["@libsql/client", "libsql"];

export const database = appStage({
  id: "database",
  version: 1,
  scope: "app",
  needs: [],
  makes: ["database"],

  preflight: async ({ config }): Promise<readonly Problem[]> => {
    if (config.database === undefined) return [];
    const { migrations, problems } = await readMigrations(config.database.migrations);
    return [...problems, ...checkSql(migrations, config.database.migrations)];
  },

  reads: async ({ config }) => ({
    files: config.database === undefined ? [] : [config.database.migrations],
    values: await Promise.all(ENGINES.map(versionOf)),
  }),

  run: async ({ config, workFolder }) => {
    const { migrations, problems } = config.database
      ? await readMigrations(config.database.migrations)
      : { migrations: [], problems: [] };
    if (problems.length > 0) throw new ProblemsError(problems);
    const bundle: Omit<DatabaseBundle, "seed"> = { schemaVersion: migrations.length, migrations };
    const folder = join(workFolder, "database");
    await mkdir(folder);
    // An app without a database gets an empty bundle, so that the stages after this one need no second way.
    if (config.database) await makeSeed(migrations, join(folder, "seed.db"));
    await writeFile(join(folder, "database.json"), `${JSON.stringify(bundle, undefined, 2)}\n`);
    const names = migrations.map((migration) => migration.name);
    return [{ kind: "database", path: folder, facts: { schemaVersion: bundle.schemaVersion, migrations: names } }];
  },
});

async function versionOf(name: string): Promise<string> {
  const path = findPackageJSON(name, import.meta.url);
  if (path === undefined) throw new Error(`${name} is not installed`);
  const { version } = JSON.parse(await readFile(path, "utf8")) as { readonly version: string };
  return `${name} ${version}`;
}
