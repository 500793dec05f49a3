/** The app's real entry, bundled as the build does it, on the real database, by the real contract. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeSeed } from "../../../build/database/make-seed.ts";
import { readMigrations } from "../../../build/database/migrations.ts";
import { hostTarget } from "../../../build/plan/target.ts";
import { bundleSidecar } from "../../../build/sidecars/bundle.ts";
import { addonFile, SEED_FILE } from "../../../runtime/sidecar-native/embedded.ts";
import { BOOT_PATH, newBootTicket, newSecret, PROTOCOL_VERSION } from "../../../runtime/sidecar/protocol.ts";

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

interface Sidecar {
  readonly child: ChildProcess;
  /** As the app's window would ask: with the cookie of the boot address. */
  ask(path: string, init?: RequestInit): Promise<Response>;
}

async function start(runtime: string, home: string): Promise<Sidecar> {
  const secret = newSecret();
  const child = spawn(runtime, [join(folder, "main.js")], {
    stdio: ["pipe", "inherit", "inherit", "pipe"],
    cwd: tmpdir(),
  });
  const app = { name: "ERTH Assistant", identifier: "dev.erth.assistant", version: "0.1.0" };
  const hello = { v: PROTOCOL_VERSION, secret, dataFolder: home, cacheFolder: home, app };
  child.stdin?.write(`${JSON.stringify(hello)}\n`);
  // Node types the fourth pipe as either end; it is the child's to write.
  const ready = child.stdio[3] as Readable;
  const [line] = (await once(createInterface(ready), "line")) as [string];
  const origin = `http://127.0.0.1:${JSON.parse(line).port}`;
  const boot = await fetch(`${origin}${BOOT_PATH}${newBootTicket(secret, Date.now())}`, { redirect: "manual" });
  const cookie = boot.headers.get("set-cookie")?.split(";")[0] ?? "";
  const headers = { cookie, origin, "HX-Request": "true", "HX-Current-URL": `${origin}/` };
  return { child, ask: (path, init) => fetch(`${origin}${path}`, { ...init, headers }) };
}

async function stop({ child }: Sidecar): Promise<number | null> {
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const [code] = (await exited) as [number | null];
  return code;
}

const titlesOf = (html: string): readonly string[] =>
  [...html.matchAll(/class="title"[^>]*>([^<]*)</g)].map((match) => match[1] ?? "");

test.each([
  ["Node", process.execPath],
  ["Bun", join(MODULES, ".bin", "bun")],
])("on %s: the welcome, a change, an orderly end, and the change is still there", async (name, runtime) => {
  const home = join(folder, `家 ${name}`);
  await mkdir(home);
  const first = await start(runtime, home);
  expect(titlesOf(await (await first.ask("/")).text())).toHaveLength(4);
  const added = await first.ask("/todos", { method: "POST", body: new URLSearchParams({ title: "Milch 🥛" }) });
  expect(added.status).toBe(201);
  expect(titlesOf(await added.text())[0]).toBe("Milch 🥛");
  expect(await stop(first)).toBe(0);

  const second = await start(runtime, home);
  const found = await second.ask("/?q=MILCH");
  expect(titlesOf(await found.text())).toEqual(["Milch 🥛"]);
  const page = await (await second.ask("/")).text();
  for (const [, path = ""] of page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)) {
    const asset = await second.ask(path);
    expect([path, asset.status, (await asset.text()).length > 500]).toEqual([path, 200, true]);
  }
  expect(await stop(second)).toBe(0);
});
