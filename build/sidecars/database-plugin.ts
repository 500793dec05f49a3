/** The virtual module `erth:database`: migrations in the script, the seed read from its own file when it is asked for. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";
import type { DatabaseBundle } from "../../runtime/base/database-bundle.ts";

/** `database.json`: a bundle without its seed. */
export type DatabaseManifest = Omit<DatabaseBundle, "seed">;

const EMBEDDED = fileURLToPath(new URL("../../runtime/sidecar-native/embedded.ts", import.meta.url));

export function databasePlugin(manifest: DatabaseManifest): Plugin {
  return {
    name: "erth-database",
    setup(build) {
      build.onResolve({ filter: /^erth:database$/ }, () => ({ path: "erth:database", namespace: "erth-database" }));
      build.onLoad({ filter: /.*/, namespace: "erth-database" }, () => ({
        contents: [
          `import { readSeed } from ${JSON.stringify(EMBEDDED)};`,
          `export const database = {`,
          `  schemaVersion: ${JSON.stringify(manifest.schemaVersion)},`,
          `  migrations: ${JSON.stringify(manifest.migrations)},`,
          // Only a first start needs the seed; every other start must not pay for it.
          `  get seed() { return readSeed(); },`,
          `};`,
        ].join("\n"),
        loader: "js",
        resolveDir: dirname(EMBEDDED),
      }));
    },
  };
}

/** Reads `database.json`, which `stages/database.ts` wrote. */
export function parseDatabaseManifest(text: string): DatabaseManifest {
  const value: unknown = JSON.parse(text);
  if (
    typeof value !== "object" ||
    value === null ||
    !("schemaVersion" in value && typeof value.schemaVersion === "number") ||
    !("migrations" in value && Array.isArray(value.migrations))
  ) {
    throw new Error("database.json is not a database manifest");
  }
  const migrations = value.migrations.map((one: unknown) => {
    if (
      typeof one === "object" &&
      one !== null &&
      "name" in one &&
      "sha256" in one &&
      "sql" in one &&
      typeof one.name === "string" &&
      typeof one.sha256 === "string" &&
      typeof one.sql === "string"
    ) {
      return { name: one.name, sha256: one.sha256, sql: one.sql };
    }
    throw new Error("database.json has a migration without name, sha256 or sql");
  });
  return { schemaVersion: value.schemaVersion, migrations };
}
