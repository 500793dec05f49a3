import { expect, test } from "vitest";
import { ProblemsError } from "../../../../runtime/base/errors.ts";
import type { Recorded } from "../../../../runtime/database/applied.ts";
import { pendingMigrations } from "../../../../runtime/database/history.ts";

const migrations = ["0001-a", "0002-b", "0003-c"].map((name) => ({ name, sha256: `sha-of-${name}`, sql: "SELECT 1" }));
const bundle = { schemaVersion: 3, migrations, seed: new Uint8Array() };
const applied = migrations.map(({ name, sha256 }) => ({ name, sha256 }));
const pending = (recorded: Recorded): readonly string[] =>
  pendingMigrations(recorded, bundle, "/data/app.db").map((migration) => migration.name);

test("what is not applied yet is pending, in order", () => {
  expect(pending({ userVersion: 0, applied: [] })).toEqual(["0001-a", "0002-b", "0003-c"]);
  expect(pending({ userVersion: 2, applied: applied.slice(0, 2) })).toEqual(["0003-c"]);
  expect(pending({ userVersion: 3, applied })).toEqual([]);
});

test.each<readonly [string, Recorded]>([
  ["DATABASE_NEWER", { userVersion: 4, applied: [...applied, { name: "0004-d", sha256: "d" }] }],
  ["DATABASE_NEWER", { userVersion: 4, applied: [] }],
  ["DATABASE_UNKNOWN", { userVersion: 0, applied: undefined }],
  ["DATABASE_UNKNOWN", { userVersion: 99, applied: undefined }],
  ["DATABASE_UNKNOWN", { userVersion: 2, applied }],
  ["DATABASE_UNKNOWN", { userVersion: -1, applied: [] }],
  ["DATABASE_MIGRATION_MISSING", { userVersion: 1, applied: [{ name: "0001-other", sha256: "x" }] }],
  ["DATABASE_MIGRATION_CHANGED", { userVersion: 1, applied: [{ name: "0001-a", sha256: "x" }] }],
])("%s for %j", (code, recorded) => {
  expect(() => pending(recorded)).toThrow(expect.objectContaining({ code }));
});

test("every changed migration is told at once", () => {
  const others = applied.map(({ name }) => ({ name, sha256: "other" }));
  try {
    pending({ userVersion: 3, applied: others });
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(ProblemsError);
    expect((error as ProblemsError).problems.map((problem) => problem.code)).toEqual(
      Array.from({ length: 3 }, () => "DATABASE_MIGRATION_CHANGED"),
    );
  }
});
