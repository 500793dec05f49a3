import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ErthError } from "../../../runtime/base/errors.ts";
import type { DatabaseBundle } from "../../../runtime/base/database-bundle.ts";
import { openDatabase } from "../../../runtime/database/open.ts";
import { bundleOf, TODOS } from "./bundles.ts";

const root = mkdtempSync(join(tmpdir(), "erth-damage-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let bundle: DatabaseBundle;
let whole: Buffer;
beforeAll(async () => {
  bundle = await bundleOf(`${TODOS}CREATE INDEX titles ON todos (title);`);
  const folder = join(root, "whole");
  const store = openDatabase({ folder, bundle });
  store.transaction(() => {
    for (let index = 0; index < 300; index++) {
      store.run("INSERT INTO todos VALUES (?, ?, 0)", `id-${index}`, `a title of some length ${index}`.repeat(3));
    }
  });
  store.close();
  whole = readFileSync(join(folder, "app.db"));
});

/** Opens a folder that holds these bytes: the rows found, or the error's code; a refused file must be left alone. */
function open(bytes: Uint8Array, number: number): number | string {
  const folder = join(root, String(number));
  mkdirSync(folder);
  try {
    writeFileSync(join(folder, "app.db"), bytes);
    try {
      const store = openDatabase({ folder, bundle });
      try {
        // Not the titles themselves: a flipped bit in text is not found by any check.
        return Number(store.get("SELECT count(*) AS n FROM todos WHERE title > ''")?.n);
      } finally {
        store.close();
      }
    } catch (error) {
      if (!(error instanceof ErthError)) throw error;
      expect(readFileSync(join(folder, "app.db")).equals(bytes), `${error.code} has changed the file`).toBe(true);
      expect(readdirSync(folder)).toEqual(["app.db", "app.db.lock"]);
      return error.code;
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("cut anywhere, the file is refused and left alone", () => {
  const lengths = new Set([0, 1, 15, 16, 99, 100, 511, 512, 1024, whole.length - 1]);
  for (let page = 4096; page < whole.length; page += 4096) for (const by of [-1, 0, 1]) lengths.add(page + by);
  const found = [...lengths].map((length) => [length, open(whole.subarray(0, length), length)]);
  expect(found).toEqual([...lengths].map((length) => [length, "DATABASE_DAMAGED"]));
  expect(open(whole, whole.length)).toBe(300);
});

test("with bytes flipped, the file is opened or refused, never worse", () => {
  let state = 7;
  const random = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
  const outcomes = new Map<number | string, number>();
  for (let round = 0; round < 150; round++) {
    const bytes = Buffer.from(whole);
    // Half of the rounds hit the header and the schema, where a byte matters most.
    const at = random(round % 2 === 0 ? 4096 : bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 + random(255));
    const outcome = open(bytes, round);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  expect(outcomes.get("DATABASE_DAMAGED")).toBeGreaterThan(10);
  for (const outcome of outcomes.keys()) {
    expect(outcome).toSatisfy((value: unknown) => typeof value === "number" || String(value).startsWith("DATABASE_"));
  }
});

test("a whole page of noise is always found", () => {
  for (let page = 0; page < whole.length / 4096; page++) {
    const bytes = Buffer.from(whole);
    bytes.fill(0xa5, page * 4096, (page + 1) * 4096);
    expect(open(bytes, page), `page ${page + 1}`).toBe("DATABASE_DAMAGED");
  }
});

test("a damaged write-ahead log costs its last commits, not the file", () => {
  const folder = join(root, "log");
  const writer = openDatabase({ folder, bundle });
  for (let index = 0; index < 20; index++) writer.run("INSERT INTO todos VALUES (?, 'x', 0)", String(index));
  const [main, log] = [readFileSync(join(folder, "app.db")), readFileSync(join(folder, "app.db-wal"))];
  writer.close();
  const counts: unknown[] = [];
  for (let part = 0; part <= 8; part++) {
    const copy = join(root, `log-${part}`);
    mkdirSync(copy);
    writeFileSync(join(copy, "app.db"), main);
    writeFileSync(join(copy, "app.db-wal"), log.subarray(0, Math.floor((log.length * part) / 8)));
    const store = openDatabase({ folder: copy, bundle });
    counts.push(store.get("SELECT count(*) AS n FROM todos")?.n);
    store.close();
  }
  expect(counts[0]).toBe(0);
  expect(counts[8]).toBe(20);
  expect(counts).toEqual([...counts].sort((left, right) => Number(left) - Number(right)));
});
