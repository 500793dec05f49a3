/**
 * `runApp` whole: the real supervisor, a real sidecar process, and the electrobun
 * shell on the stub core, which shows what the window is told without a display.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { hostTarget } from "../../../build/plan/target.ts";
import { assemble, bundledSidecar } from "../../fixtures/stub-core/assemble.ts";
import { killAllOf, processesOf, until } from "../../fixtures/stub-core/processes.ts";
import { hasCompiler, makeStubCore } from "../../fixtures/stub-core/stub-core.ts";

const repository = join(import.meta.dirname, "../../..");
const modules = join(repository, "node_modules");
const target = hostTarget();
const canRun = (target === "linux-x64" || target === "linux-arm64") && hasCompiler();

const root = mkdtempSync(join(tmpdir(), "erth-run-app-"));
let appFolder = "";
const running: ChildProcess[] = [];

beforeAll(async () => {
  if (!canRun) return;
  makeStubCore(join(root, "core"), join(modules, "electrobun"));
  mkdirSync(join(root, "bun/bin"), { recursive: true });
  symlinkSync(join(modules, "bun/bin/bun.exe"), join(root, "bun/bin/bun"));
  const assembled = await assemble({
    scratch: join(root, "app"),
    target: target ?? "linux-x64",
    shell: "electrobun",
    entry: join(repository, "app/shell/main.ts"),
    vendor: {
      [`bun/${target}`]: join(root, "bun"),
      electrobun: join(modules, "electrobun"),
      [`electrobun-core/${target}`]: join(root, "core"),
    },
    sidecar: { kind: "bun", entry: "main.js", files: { "main.js": await bundledSidecar() } },
  });
  appFolder = assembled.folder;
});

afterEach(async () => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
  await killAllOf(root);
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Started {
  readonly ended: Promise<number | string | null>;
  readonly output: () => string;
  readonly calls: (name: string) => readonly (readonly unknown[])[];
}

/** One start of the app with its own log of calls; starts that share a home are instances of one app. */
function start(home: string, folder = appFolder): Started {
  const log = join(mkdtempSync(join(root, "run-")), "calls.jsonl");
  const child = spawn(join(folder, "bin/launcher"), [], {
    env: { ...process.env, ERTH_STUB_LOG: log, ERTH_STUB_CONTROL: home, ERTH_HOME: home, HOME: home },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.push(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | string | null>((resolve) => {
    child.on("exit", (code, signal) => resolve(code ?? signal));
  });
  const calls = (name: string): readonly (readonly unknown[])[] =>
    (existsSync(log) ? readFileSync(log, "utf8") : "")
      .split("\n")
      .filter((line) => line.startsWith(`{"call":"${name}"`))
      .map((line) => (JSON.parse(line) as { args: unknown[] }).args);
  return { ended, output: () => output, calls };
}

const newHome = (): string => mkdtempSync(join(root, "home-"));
const urlIn = (call: readonly unknown[] | undefined): string | undefined =>
  call?.find((value): value is string => typeof value === "string" && value.startsWith("http://127.0.0.1:"));

async function firstUrl(app: Started): Promise<string> {
  return await until(
    () => `a window\n${app.output()}`,
    () => urlIn(app.calls("initWebview")[0]),
  );
}

async function allGone(): Promise<void> {
  await until(
    () => `an empty process list, not ${processesOf(root).join("; ")}`,
    () => (processesOf(root).length === 0 ? true : undefined),
  );
}

function sidecarPid(): number {
  return Number.parseInt(processesOf(root).find((line) => line.includes("sidecar/main.js")) ?? "", 10);
}

test.skipIf(!canRun)("boots, survives the sidecar's death, ends whole (needs gcc)", async () => {
  const home = newHome();
  const app = start(home);
  const url = await firstUrl(app);
  expect(new URL(url).pathname).toMatch(/^\/__erth\/boot\//);
  // The ticket is good: what the window would do.
  const page = await fetch(url, { redirect: "manual" });
  expect(page.status).toBe(303);
  expect(page.headers.get("set-cookie")).toMatch(/HttpOnly/i);

  process.kill(sidecarPid(), "SIGKILL");
  const next = await until(
    () => "the next address",
    () => urlIn(app.calls("loadURLInWebView").at(-1)),
  );
  expect(new URL(next).origin).not.toBe(new URL(url).origin);
  expect((await fetch(next, { redirect: "manual" })).status).toBe(303);

  writeFileSync(join(home, "close"), "");
  expect(await app.ended).toBe(0);
  await allGone();
});

test.skipIf(!canRun)("a second start brings the first's window to the front and ends (needs gcc)", async () => {
  const home = newHome();
  const first = start(home);
  await firstUrl(first);
  const second = start(home);
  expect(await second.ended).toBe(0);
  expect(second.calls("createWindowWithFrameAndStyleFromWorker")).toEqual([]);
  await until(
    () => "the window to come to the front",
    () => first.calls("activateWindow")[0],
  );
  writeFileSync(join(home, "close"), "");
  expect(await first.ended).toBe(0);
  await allGone();
});

test.skipIf(!canRun)("killed whole, it leaves no sidecar (needs gcc)", async () => {
  const app = start(newHome());
  await firstUrl(app);
  const bun = processesOf(root).find((line) => line.includes("Resources/main.js"));
  process.kill(Number.parseInt(bun ?? "", 10), "SIGKILL");
  await app.ended;
  await allGone();
});

test.skipIf(!canRun)("shows the error page when the sidecar cannot start at all (needs gcc)", async () => {
  const folder = join(root, "broken-sidecar");
  execFileSync("cp", ["-rl", appFolder, folder]);
  // A new file: the old one is linked with the other folder's.
  rmSync(join(folder, "Resources/sidecar/main.js"));
  writeFileSync(join(folder, "Resources/sidecar/main.js"), "// @bun\nprocess.exit(3);\n");
  const home = newHome();
  const app = start(home, folder);
  const url = await firstUrl(app);
  const boot = await fetch(url, { redirect: "manual" });
  const cookie = boot.headers.get("set-cookie")?.split(";")[0] ?? "";
  const page = await fetch(new URL(boot.headers.get("location") ?? "/", url), { headers: { cookie } });
  expect(await page.text()).toContain("Stub App");
  writeFileSync(join(home, "close"), "");
  expect(await app.ended).toBe(0);
  await allGone();
});

test.skipIf(!canRun)("a home that cannot be written and a broken app.json end it with 1 (needs gcc)", async () => {
  const home = join(newHome(), "file");
  writeFileSync(home, "");
  const homeless = start(join(home, "below"));
  expect(await homeless.ended).toBe(1);
  expect(homeless.output()).toMatch(/error\[FOLDER_NOT_WRITABLE\][^]*ERTH_HOME/);

  const folder = join(root, "broken-facts");
  execFileSync("cp", ["-rl", appFolder, folder]);
  rmSync(join(folder, "Resources/app.json"));
  writeFileSync(join(folder, "Resources/app.json"), '{"v":1,"name":');
  const broken = start(newHome(), folder);
  expect(await broken.ended).toBe(1);
  expect(broken.output()).toMatch(/error\[APP_FACTS\].*app\.json/);
  await allGone();
});
