/**
 * What the database costs: single-statement CRUD through `Store`, and a start.
 * Run it with `node tests/bench/database.ts [rows]` and `bun tests/bench/database.ts`.
 * The aim is a p50 of at most 0.1 ms; the p99 shows the checkpoints.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { backup } from "../../runtime/database/backup.ts";
import { inspectFile } from "../../runtime/database/inspect.ts";
import { openDatabase } from "../../runtime/database/open.ts";
import { bundleOf, PRIORITY, TODOS } from "../integration/database/bundles.ts";

const rows = Number(process.argv[2] ?? 20_000);
const folder = mkdtempSync(join(tmpdir(), "erth-bench-"));

function percentile(sortedUs: readonly number[], share: number): string {
  return (sortedUs[Math.min(sortedUs.length - 1, Math.floor(sortedUs.length * share))] ?? 0).toFixed(1);
}

/** Times each call of `work` and prints a row of the table. */
function measure(name: string, count: number, work: (index: number) => void): void {
  const us: number[] = [];
  for (let index = 0; index < count; index++) {
    const started = performance.now();
    work(index);
    us.push((performance.now() - started) * 1000);
  }
  us.sort((left, right) => left - right);
  console.log([name.padEnd(34), ...[0.5, 0.99, 1].map((share) => percentile(us, share).padStart(10))].join(" "));
}

try {
  const runtime = process.versions.bun ? `Bun ${process.versions.bun}` : `Node ${process.versions.node}`;
  console.log(`${runtime}, ${rows} rows, µs`.padEnd(34), ...["p50", "p99", "max"].map((name) => name.padStart(10)));
  const bundle = await bundleOf(TODOS);
  const store = openDatabase({ folder, bundle });
  const order = Array.from({ length: rows }, (_, index) => String((index * 7919) % rows));
  measure("insert", rows, (index) =>
    store.run("INSERT INTO todos (id, title) VALUES (?, ?)", String(index), `todo number ${index}`),
  );
  measure("select by key", rows, (index) => store.get("SELECT * FROM todos WHERE id = ?", order[index] ?? ""));
  measure("select 50 rows", Math.min(rows, 2000), (index) =>
    store.all("SELECT * FROM todos WHERE rowid > ? LIMIT 50", (index * 7919) % rows),
  );
  measure("update by key", rows, (index) => store.run("UPDATE todos SET done = 1 WHERE id = ?", order[index] ?? ""));
  store.close();

  const path = join(folder, "app.db");
  console.log(`the file is ${(statSync(path).size / 1e6).toFixed(1)} MB`);
  measure("quick_check", 5, () => inspectFile(path, "quick_check"));
  measure("integrity_check", 5, () => inspectFile(path, "integrity_check"));
  measure("backup", 5, () => backup({ folder }));
  measure("open and close", 5, () => openDatabase({ folder, bundle }).close());
  const current = await bundleOf(TODOS, PRIORITY);
  measure("open, back up, migrate, close", 1, () => openDatabase({ folder, bundle: current }).close());
  measure("first start (copy the seed)", 5, (index) =>
    openDatabase({ folder: join(folder, `first-${index}`), bundle: current }).close(),
  );
  const again = openDatabase({ folder, bundle: current });
  measure("delete by key", rows, (index) => again.run("DELETE FROM todos WHERE id = ?", order[index] ?? ""));
  again.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
