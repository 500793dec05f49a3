/**
 * A process to be killed. `start` and `migrate` work through folders 0, 1, 2 …
 * until someone kills it, and say what they have done. `step` makes one first
 * start and kills itself before its n-th change to the file system.
 */
import { readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseBundle } from "../../../runtime/base/database-bundle.ts";
import { openDatabase } from "../../../runtime/database/open.ts";
import { killAtStep } from "./fs-steps.ts";

const [, , mode = "", root = "", step = ""] = process.argv;

function bundle(name: string): DatabaseBundle {
  const parsed = JSON.parse(readFileSync(join(root, `${name}.json`), "utf8")) as Omit<DatabaseBundle, "seed">;
  return { ...parsed, seed: readFileSync(join(root, `${name}.seed`)) };
}
const say = (text: string): number => writeSync(1, `${text}\n`);

const [old, current] = [bundle("old"), bundle("current")];
say("ready");
if (mode === "start") {
  for (let index = 0; ; index++) {
    const store = openDatabase({ folder: join(root, String(index)), bundle: current });
    store.run("INSERT INTO todos (id, title) VALUES ('mine', 'mine')");
    say(`${index} 1`);
    store.close();
  }
} else if (mode === "migrate") {
  for (let index = 0; ; index++) {
    const folder = join(root, String(index));
    const before = openDatabase({ folder, bundle: old });
    for (let row = 1; row <= 20; row++) {
      before.run("INSERT INTO todos (id, title) VALUES (?, ?)", String(row), `row ${row}`);
      say(`${index} ${row}`);
    }
    before.close();
    openDatabase({ folder, bundle: current }).close();
  }
} else if (mode === "step") {
  killAtStep(Number(step));
  openDatabase({ folder: join(root, step), bundle: current }).close();
  say("done");
} else {
  throw new Error(`no mode ${mode}`);
}
