/**
 * What a change of a todo costs in the database: p50 and p99 of the app's own
 * functions on a file, WAL and `synchronous = NORMAL`, among 20,000 todos.
 * `node tests/bench/app-crud.ts`
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { addTodo, deleteTodo, findTodo, listTodos, renameTodo, restoreTodo, setDone } from "../../app/sidecar/todos.ts";
import { WHOLE_VIEW } from "../../app/sidecar/view.ts";
import { makeSeed } from "../../build/database/make-seed.ts";
import { readMigrations } from "../../build/database/migrations.ts";
import { openDatabase } from "../../runtime/database/open.ts";

const ROWS = 20_000;
const ROUNDS = 3000;

const folder = await mkdtemp(join(tmpdir(), "erth-crud-"));
const { migrations } = await readMigrations(fileURLToPath(new URL("../../app/migrations", import.meta.url)));
await makeSeed(migrations, join(folder, "seed.db"));
const seed = await readFile(join(folder, "seed.db"));
const store = openDatabase({
  folder: join(folder, "data"),
  bundle: { schemaVersion: migrations.length, migrations, seed },
});

const idOf = (number: number): string => `019b0a5c-4c00-7000-9000-${String(number).padStart(12, "0")}`;
store.transaction(() => {
  for (let row = 0; row < ROWS; row += 1) addTodo(store, idOf(row), `Todo number ${row}`, row);
});

function measure(name: string, rounds: number, work: (round: number) => unknown): Record<string, string | number> {
  const tookMs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const startMs = performance.now();
    work(round);
    tookMs.push(performance.now() - startMs);
  }
  tookMs.sort((a, b) => a - b);
  const at = (share: number): string => (tookMs[Math.floor(tookMs.length * share)] ?? 0).toFixed(3);
  return { operation: name, rounds, "p50 ms": at(0.5), "p99 ms": at(0.99) };
}

const some = (round: number): string => idOf((round * 7919) % ROWS);
console.table([
  measure("add", ROUNDS, (round) => addTodo(store, idOf(ROWS + round), "One more", ROWS + round)),
  measure("read one", ROUNDS, (round) => findTodo(store, some(round))),
  measure("tick (and read)", ROUNDS, (round) => setDone(store, some(round), round % 2 === 0, round)),
  measure("rename (and read)", ROUNDS, (round) => renameTodo(store, some(round), `Renamed ${round}`, round)),
  measure("delete (and read)", ROUNDS, (round) => deleteTodo(store, some(round), round)),
  measure("restore (and read)", ROUNDS, (round) => restoreTodo(store, some(round), round)),
  measure("list 100 and count 23,000", 200, () => listTodos(store, WHOLE_VIEW)),
  measure("search 23,000", 100, () => listTodos(store, { ...WHOLE_VIEW, query: "number 12" })),
]);
store.close();
await rm(folder, { recursive: true });
