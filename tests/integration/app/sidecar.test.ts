/** The app's real entry, bundled as the build does it, on the real database, by the real contract. */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeSeed } from "../../../build/database/make-seed.ts";
import { readMigrations } from "../../../build/database/migrations.ts";
import { hostTarget } from "../../../build/plan/target.ts";
import { bundleSidecar } from "../../../build/sidecars/bundle.ts";
import { addonFile, SEED_FILE } from "../../../runtime/sidecar-native/embedded.ts";
import { startSidecar, stopSidecar, titlesOf } from "../../support/sidecar.ts";

const ROOT = fileURLToPath(new URL("../../../app/", import.meta.url));
const MODULES = fileURLToPath(new URL("../../../node_modules/", import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "erth-app-"));
  const { migrations, problems } = await readMigrations(join(ROOT, "migrations"));
  expect(problems).toEqual([]);
  const bundle = await bundleSidecar({
    entry: join(ROOT, "sidecar", "main.ts"),
    root: ROOT,
    identifier: "dev.erth.assistant",
    database: { schemaVersion: migrations.length, migrations },
    bunOnly: false,
  });
  await writeFile(join(folder, "main.js"), bundle.code);
  await makeSeed(migrations, join(folder, SEED_FILE));
  for (const { name, packages } of bundle.families) {
    await mkdir(join(folder, addonFile(name), ".."), { recursive: true });
    const addon = packages[hostTarget() ?? "linux-x64"]?.package ?? "";
    await copyFile(join(MODULES, addon, "index.node"), join(folder, addonFile(name)));
  }
});
afterAll(() => rm(folder, { recursive: true }));

test.each([
  ["Node", process.execPath],
  ["Bun", join(MODULES, ".bin", "bun")],
])("on %s: the welcome, a change, an orderly end, and the change is still there", async (name, runtime) => {
  const home = join(folder, `家 ${name}`);
  await mkdir(home);
  const first = await startSidecar([runtime, join(folder, "main.js")], home);
  expect(titlesOf(await (await first.ask("/")).text())).toHaveLength(4);
  const added = await first.ask("/todos", { method: "POST", body: new URLSearchParams({ title: "Milch 🥛" }) });
  expect(added.status).toBe(201);
  expect(titlesOf(await added.text())[0]).toBe("Milch 🥛");
  expect(await stopSidecar(first)).toBe(0);

  const second = await startSidecar([runtime, join(folder, "main.js")], home);
  const found = await second.ask("/?q=MILCH");
  expect(titlesOf(await found.text())).toEqual(["Milch 🥛"]);
  const page = await (await second.ask("/")).text();
  for (const [, path = ""] of page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)) {
    const asset = await second.ask(path);
    expect([path, asset.status, (await asset.text()).length > 500]).toEqual([path, 200, true]);
  }
  expect(await stopSidecar(second)).toBe(0);
});
