import { spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DatabaseBundle } from "../../../runtime/base/database-bundle.ts";
import { backup, listBackups } from "../../../runtime/database/backup.ts";
import { openDatabase } from "../../../runtime/database/open.ts";
import { restore } from "../../../runtime/database/restore.ts";
import { bundleOf, NOTES, PRIORITY, TODOS } from "./bundles.ts";
import { dieAtStep } from "./fs-steps.ts";

/** `ERTH_KILL_ROUNDS=500` for a long run. */
const ROUNDS = Number(process.env.ERTH_KILL_ROUNDS ?? 7);

const base = mkdtempSync(join(tmpdir(), "erth-kill-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

let old: DatabaseBundle;
let current: DatabaseBundle;
beforeAll(async () => {
  const rows = Array.from({ length: 500 }, (_, index) => `('seed-${index}', '${"some text ".repeat(20)}')`).join();
  const withRows = `${TODOS}INSERT INTO todos (id, title) VALUES ${rows};`;
  old = await bundleOf(withRows);
  current = await bundleOf(withRows, NOTES, PRIORITY);
});

function newRoot(): string {
  const root = mkdtempSync(join(base, "root-"));
  for (const [name, { seed, ...rest }] of Object.entries({ old, current })) {
    writeFileSync(join(root, `${name}.json`), JSON.stringify(rest));
    writeFileSync(join(root, `${name}.seed`), seed);
  }
  return root;
}

/** What the child said; it is killed `afterMs` after its first success, or kills itself. */
function run(mode: string, root: string, step: number, afterMs?: number): Promise<readonly string[]> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "kill-child.ts"), mode, root, String(step)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  let timer: NodeJS.Timeout | undefined;
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
    if (afterMs !== undefined && said.includes("\n0 ")) timer ??= setTimeout(() => child.kill("SIGKILL"), afterMs);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => resolve(said.split("\n").filter((line) => line !== "")));
  });
}

/** Opens the folder as the next start would, checks it thoroughly and returns how many rows are the user's. */
function nextStart(folder: string): number {
  const store = openDatabase({ folder, bundle: current });
  try {
    expect(store.all("PRAGMA integrity_check").map((row) => ({ ...row }))).toEqual([{ integrity_check: "ok" }]);
    expect(store.get("PRAGMA user_version")?.user_version).toBe(3);
    expect(store.get("SELECT count(*) AS n FROM todos WHERE id LIKE 'seed-%' AND priority = 3")?.n).toBe(500);
    expect(store.get("SELECT count(*) AS n FROM notes")?.n).toBe(store.get("SELECT count(*) AS n FROM todos")?.n);
    expect(readdirSync(folder).filter((name) => name.includes(".part") || name.endsWith(".restore"))).toEqual([]);
    return Number(store.get("SELECT count(*) AS n FROM todos WHERE id NOT LIKE 'seed-%'")?.n);
  } finally {
    store.close();
  }
}

test.each(["start", "migrate"])(
  "killed at random during %s, the next start is whole and no acknowledged row is lost",
  async (mode) => {
    let interrupted = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const root = newRoot();
      const lines = await run(mode, root, 0, Math.random() * 120);
      const acknowledged = new Map<string, number>();
      for (const line of lines.slice(1)) {
        const [folder = "", rows] = line.split(" ");
        acknowledged.set(folder, Number(rows));
      }
      const folders = readdirSync(root).filter((name) => /^\d+$/.test(name));
      // Those before the last two were done with before the kill.
      for (const name of folders.sort((left, right) => Number(left) - Number(right)).slice(-2)) {
        if (readdirSync(join(root, name)).some((file) => !["app.db", "app.db.lock"].includes(file))) interrupted++;
        const rows = nextStart(join(root, name));
        expect(rows).toBeGreaterThanOrEqual(acknowledged.get(name) ?? 0);
        expect(rows).toBeLessThanOrEqual((acknowledged.get(name) ?? 0) + 1);
      }
      rmSync(root, { recursive: true });
    }
    expect(interrupted).toBeGreaterThan(0);
  },
  120_000 + ROUNDS * 1000,
);

test("killed before each step of the first start, the next start is whole", async () => {
  const root = newRoot();
  let step = 0;
  for (let lines: readonly string[] = []; !lines.includes("done");) {
    expect(++step).toBeLessThan(30);
    lines = await run("step", root, step);
    expect(lines).toContain("ready");
    expect(nextStart(join(root, String(step)))).toBe(0);
  }
  expect(step).toBeGreaterThan(5);
});

/** A database with one row more than its one backup. */
function withBackup(): string {
  const folder = mkdtempSync(join(base, "backup-"));
  const store = openDatabase({ folder, bundle: old });
  store.run("INSERT INTO todos (id, title) VALUES ('a', 'in the backup')");
  backup({ folder, now: () => new Date(0) });
  store.run("INSERT INTO todos (id, title) VALUES ('b', 'not in the backup')");
  store.close();
  return folder;
}

test("dead before each step of a backup, only whole backups are listed", () => {
  let step = 0;
  for (let isDone = false; !isDone;) {
    expect(++step).toBeLessThan(30);
    const folder = withBackup();
    isDone = dieAtStep(step, () => void backup({ folder }));
    const listed = listBackups(folder);
    expect(nextStart(folder)).toBe(2);
    for (const entry of listed) {
      const copy = mkdtempSync(join(base, "copy-"));
      copyFileSync(entry.path, join(copy, "app.db"));
      expect(nextStart(copy)).toBe(entry.madeAt.getTime() === 0 ? 1 : 2);
    }
  }
  expect(step).toBeGreaterThan(5);
});

test("dead before each step of a restore, the next start has the old state or the new one, and both files", () => {
  const seen: number[] = [];
  for (let isDone = false; !isDone;) {
    expect(seen.length).toBeLessThan(30);
    const folder = withBackup();
    isDone = dieAtStep(seen.length + 1, () => {
      restore({ folder, backup: listBackups(folder)[0]?.name ?? "" });
    });
    const rows = nextStart(folder);
    seen.push(rows);
    expect(readdirSync(folder).some((name) => name.startsWith("app-replaced-"))).toBe(rows === 1);
  }
  expect(seen.length).toBeGreaterThan(8);
  // Old until the decision, new from there on.
  expect(seen).toEqual([...seen].sort((left, right) => right - left));
  expect([seen[0], seen.at(-1)]).toEqual([2, 1]);
});
