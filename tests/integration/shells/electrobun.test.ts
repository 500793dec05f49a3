/**
 * The electrobun shell as users get it on Linux, except for the native core:
 * the assembled folder, ElectroBun's own main.js and SDK, Bun 1.3.13, and a
 * stub core of ours. With `ERTH_ELECTROBUN_CORE_DIR` (an unpacked core archive
 * of this machine's target) the same runs against the real one, under a display.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { hostTarget } from "../../../build/plan/target.ts";
import { assemble } from "../../fixtures/stub-core/assemble.ts";
import { killAllOf, processesOf, socketsOf, until } from "../../fixtures/stub-core/processes.ts";
import { hasCompiler, makeStubCore } from "../../fixtures/stub-core/stub-core.ts";
import { wrapperSymbols } from "../../fixtures/stub-core/symbols.ts";

const modules = join(import.meta.dirname, "../../../node_modules");
const fixtures = join(import.meta.dirname, "../../fixtures/stub-core");
const sdkFolder = join(modules, "electrobun");
const realCore = process.env.ERTH_ELECTROBUN_CORE_DIR;
const target = hostTarget();
const isLinux = target === "linux-x64" || target === "linux-arm64";
const canRun = isLinux && hasCompiler();

const root = mkdtempSync(join(tmpdir(), "erth-electrobun-"));
let appFolder = "";
const running: ChildProcess[] = [];

async function assembleWith(core: string, scratch: string): Promise<string> {
  const bun = join(root, "bun");
  if (!existsSync(join(bun, "bin/bun"))) {
    mkdirSync(join(bun, "bin"), { recursive: true });
    symlinkSync(join(modules, "bun/bin/bun.exe"), join(bun, "bin/bun"));
  }
  const { folder } = await assemble({
    scratch,
    target: target ?? "linux-x64",
    shell: "electrobun",
    entry: join(fixtures, "supervised-entry.ts"),
    vendor: { [`bun/${target}`]: bun, electrobun: sdkFolder, [`electrobun-core/${target}`]: core },
    sidecar: {
      kind: "bun",
      entry: "main.js",
      files: { "main.js": readFileSync(join(fixtures, "sidecar.js"), "utf8") },
    },
  });
  return folder;
}

beforeAll(async () => {
  if (!canRun) return;
  makeStubCore(join(root, "core"), sdkFolder);
  appFolder = await assembleWith(join(root, "core"), join(root, "app"));
});

afterEach(async () => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
  await killAllOf(root);
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<number | string | null>;
  readonly output: () => string;
  /** Why the app says that it ended, once it has. */
  readonly ending: () => string | undefined;
  /** Calls to the core so far, of one name. */
  readonly calls: (name: string) => readonly (readonly unknown[])[];
  readonly play: (action: "close" | "quit") => void;
}

function start(folder = appFolder, env: Record<string, string> = {}): Started {
  const scratch = mkdtempSync(join(root, "run-"));
  const log = join(scratch, "calls.jsonl");
  const endingFile = join(scratch, "ending");
  const child = spawn(join(folder, "bin/launcher"), [], {
    env: {
      ...process.env,
      ERTH_STUB_LOG: log,
      ERTH_STUB_CONTROL: scratch,
      HOME: scratch,
      ERTH_TEST_ENDING: endingFile,
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.push(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | string | null>((resolve) => {
    child.on("exit", (code, signal) => resolve(code ?? signal));
  });
  const calls = (name: string): readonly (readonly unknown[])[] => {
    if (!existsSync(log)) return [];
    return readFileSync(log, "utf8")
      .split("\n")
      .filter((line) => line.startsWith(`{"call":"${name}"`))
      .map((line) => (JSON.parse(line) as { args: unknown[] }).args);
  };
  const ending = (): string | undefined => (existsSync(endingFile) ? readFileSync(endingFile, "utf8") : undefined);
  return {
    child,
    ended,
    ending,
    output: () => output,
    calls,
    play: (action) => writeFileSync(join(scratch, action), ""),
  };
}

/** The address that a call carried, and the sidecar's process id in it. */
function addressIn(call: readonly unknown[] | undefined): { url: string; start: string; pid: number } | undefined {
  const url = call?.find((argument): argument is string => typeof argument === "string" && argument.startsWith("http"));
  if (url === undefined) return undefined;
  const [, startNumber = "", pid = ""] = new URL(url).pathname.split("/");
  return { url, start: startNumber, pid: Number(pid) };
}

async function firstWindow(app: Started): Promise<{ url: string; start: string; pid: number }> {
  return await until(
    () => `a window\n${app.output()}`,
    () => addressIn(app.calls("initWebview")[0]),
  );
}

test.skipIf(!canRun)("the stub core exports every symbol that the npm package looks up (needs gcc)", () => {
  const symbols = wrapperSymbols(sdkFolder).map(({ name }) => name);
  expect(symbols.length).toBeGreaterThan(100);
  expect(symbols).toEqual(expect.arrayContaining(["startEventLoop", "forceExit", "initWebview", "loadURLInWebView"]));
  const library = readFileSync(join(root, "core/libNativeWrapper.so"), "latin1");
  expect(symbols.filter((name) => !library.includes(`\0${name}\0`))).toEqual([]);
});

test.skipIf(!canRun)("opens a window on the sidecar, locked to it, and leaves nothing behind (needs gcc)", async () => {
  const app = start();
  const { url, pid } = await firstWindow(app);
  const [id, x, y, width, height] = app.calls("createWindowWithFrameAndStyleFromWorker")[0] ?? [];
  expect([id, x, y, width, height]).toEqual([1, 350, 115, 900, 700]);
  expect(app.calls("startEventLoop")[0]).toEqual(["dev.erth.stub", "StubApp", "stable"]);
  expect(app.calls("setWindowTitle")[0]).toEqual(["pointer", "Stub App"]);
  const rules = await until(
    () => "navigation rules",
    () => app.calls("setWebviewNavigationRules")[0],
  );
  expect(rules[1]).toBe(JSON.stringify(["^*", `${new URL(url).origin}/*`]));
  // Sandboxed: no RPC between page and main process.
  expect(app.calls("initWebview")[0]?.at(-1)).toBe(1);
  expect(processesOf(root).some((line) => line.startsWith(`${pid} `))).toBe(true);

  app.play("close");
  expect(await app.ended).toBe(0);
  expect(app.ending()).toBe("user");
  await until(
    () => `an empty process list, not ${processesOf(root).join("; ")}`,
    () => (processesOf(root).length === 0 ? true : undefined),
  );
});

test.skipIf(!canRun)("goes to the new address when the sidecar is killed (needs gcc)", async () => {
  const app = start();
  const first = await firstWindow(app);
  process.kill(first.pid, "SIGKILL");
  const second = await until(
    () => "a second address",
    () => addressIn(app.calls("loadURLInWebView").at(-1)),
  );
  expect(second.start).toBe("2");
  expect(second.pid).not.toBe(first.pid);
  expect(app.calls("setWebviewNavigationRules").at(-1)?.[1]).toContain(`${new URL(second.url).origin}/*`);
  expect(app.calls("createWindowWithFrameAndStyleFromWorker")).toHaveLength(1);
  app.play("close");
  expect(await app.ended).toBe(0);
});

test.skipIf(!canRun)("Quit waits for the app's own ending before the process goes (needs gcc)", async () => {
  const app = start();
  await firstWindow(app);
  app.play("quit");
  expect(await app.ended).toBe(0);
  expect(app.ending()).toBe("user");
  expect(app.calls("forceExit")).toEqual([[0]]);
  await until(
    () => `an empty process list, not ${processesOf(root).join("; ")}`,
    () => (processesOf(root).length === 0 ? true : undefined),
  );
});

test.skipIf(!canRun)("the app's exit code survives the SDK's own quit (needs gcc)", async () => {
  const app = start(appFolder, { ERTH_TEST_EXIT_CODE: "7" });
  await firstWindow(app);
  app.play("close");
  expect(await app.ended).toBe(7);
});

test.skipIf(!canRun)("SIGTERM to Bun ends the app and its sidecar (needs gcc)", async () => {
  const app = start();
  await firstWindow(app);
  const bun = processesOf(join(appFolder, "bin")).find((line) => line.includes("Resources/main.js"));
  process.kill(Number.parseInt(bun ?? "", 10), "SIGTERM");
  // As the launcher tells it: 128 and the signal's number.
  expect(await app.ended).toBe(143);
  await until(
    () => `an empty process list, not ${processesOf(root).join("; ")}`,
    () => (processesOf(root).length === 0 ? true : undefined),
  );
});

test.skipIf(!canRun)("listens on 127.0.0.1 only (needs gcc)", async () => {
  const app = start();
  await firstWindow(app);
  const listening = readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state]) => state === "0A")
    .flatMap(([, local = "", , , , , , , , inode = ""]) => [{ local, inode }]);
  const bun = processesOf(join(appFolder, "bin")).find((line) => line.includes("Resources/main.js")) ?? "";
  const own = listening.filter(({ inode }) => socketsOf(Number.parseInt(bun, 10)).includes(inode));
  expect(own.length).toBeGreaterThan(0);
  // 127.0.0.1 as /proc/net/tcp writes it.
  expect(own.filter(({ local }) => !local.startsWith("0100007F:"))).toEqual([]);
  app.play("close");
  await app.ended;
});

// Not a skipped test where the variable is unset: the core is an input here, not a missing tool.
if (canRun && realCore !== undefined) {
  test("the real core of ERTH_ELECTROBUN_CORE_DIR opens a window, follows the sidecar and quits (needs a display)", async () => {
    const folder = await assembleWith(realCore, join(root, "real"));
    const pages = join(root, "pages.log");
    const app = start(folder, { ERTH_TEST_PAGES: pages });
    const seen = (number: string) => (): number | undefined => {
      const line = existsSync(pages)
        ? readFileSync(pages, "utf8")
            .split("\n")
            .find((l) => l.startsWith(`/${number}/`))
        : undefined;
      return line === undefined ? undefined : Number(line.split(" ")[1]);
    };
    const first = await until(() => `the first page\n${app.output()}`, seen("1"));
    process.kill(first, "SIGKILL");
    await until(() => "the second page", seen("2"));
    const bun = processesOf(join(folder, "bin")).find((line) => line.includes("Resources/main.js"));
    process.kill(Number.parseInt(bun ?? "", 10), "SIGTERM");
    await app.ended;
    await until(
      () => `an empty process list, not ${processesOf(root).join("; ")}`,
      () => (processesOf(root).length === 0 ? true : undefined),
    );
  }, 60_000);
}
