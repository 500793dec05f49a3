/** The webview shell as users get it on Linux: the assembled folder, a real WebKitGTK window, an empty home, Xvfb. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { hostTarget } from "../../../build/plan/target.ts";
import { assemble, bundledSidecar } from "../../fixtures/stub-core/assemble.ts";
import { startDisplay, type Display } from "../../fixtures/stub-core/display.ts";
import { killAllOf, processesOf, until } from "../../fixtures/stub-core/processes.ts";

const repository = join(import.meta.dirname, "../../..");
const modules = join(repository, "node_modules");
const fixtures = join(import.meta.dirname, "../../fixtures/stub-core");
const target = hostTarget();
const isLinux = target === "linux-x64" || target === "linux-arm64";
const hasXvfb = isLinux && isThere("Xvfb", ["-help"]);
const hasWebkit = isLinux && readLibraries().includes("libwebkitgtk-6.0.so.4");
const canRun = hasXvfb && hasWebkit;

const root = mkdtempSync(join(tmpdir(), "erth-webview-"));
let display: Display | undefined;
let appFolder = "";
const running: ChildProcess[] = [];

function isThere(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function readLibraries(): string {
  try {
    return execFileSync("ldconfig", ["-p"], { encoding: "utf8", env: { PATH: `${process.env.PATH}:/sbin:/usr/sbin` } });
  } catch {
    return "";
  }
}

async function assembleApp(name: string, entry: string, sidecar: string): Promise<string> {
  const { folder } = await assemble({
    scratch: join(root, name),
    target: target ?? "linux-x64",
    shell: "webview",
    entry: join(repository, entry),
    vendor: { [`bun/${target}`]: join(root, "bun"), webview: join(modules, "webview-bun") },
    sidecar: { kind: "bun", entry: "main.js", files: { "main.js": sidecar } },
  });
  return folder;
}

beforeAll(async () => {
  if (!canRun) return;
  const bun = join(root, "bun");
  mkdirSync(join(bun, "bin"), { recursive: true });
  symlinkSync(join(modules, "bun/bin/bun.exe"), join(bun, "bin/bun"));
  const sidecar = readFileSync(join(fixtures, "sidecar.js"), "utf8");
  appFolder = await assembleApp("äpp ✓", "tests/fixtures/stub-core/supervised-entry.ts", sidecar);
  display = await startDisplay();
});

afterEach(async () => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
  await killAllOf(root);
});

afterAll(async () => {
  await display?.stop();
  rmSync(root, { recursive: true, force: true });
});

interface Started {
  readonly child: ChildProcess;
  readonly home: string;
  readonly ended: Promise<number | string | null>;
  readonly output: () => string;
  readonly ending: () => string | undefined;
  /** The process id of the sidecar's nth start, once its page has been asked for. */
  readonly page: (start: number) => number | undefined;
}

function start(env: Record<string, string | undefined> = {}, folder = appFolder): Started {
  const scratch = mkdtempSync(join(root, "run-"));
  const pages = join(scratch, "pages");
  const endingFile = join(scratch, "ending");
  const child = spawn(join(folder, "bin/bun"), ["--no-install", "resources/shell/main.js"], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      DISPLAY: display?.name,
      HOME: scratch,
      // Else GTK starts a session bus and accessibility services of its own, which stay.
      DBUS_SESSION_BUS_ADDRESS: "disabled:",
      ERTH_TEST_PAGES: pages,
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
  const read = (file: string): string | undefined => (existsSync(file) ? readFileSync(file, "utf8") : undefined);
  return {
    child,
    home: scratch,
    ended,
    output: () => output,
    ending: () => read(endingFile),
    page: (number) => {
      const line = read(pages)
        ?.split("\n")
        .find((text) => text.startsWith(`/${number}/`));
      return line === undefined ? undefined : Number(line.split(" ")[1]);
    },
  };
}

async function allGone(): Promise<void> {
  await until(
    () => `an empty process list, not ${processesOf(root).join("; ")}`,
    () => (processesOf(root).length === 0 ? true : undefined),
  );
}

const needs = "(needs Xvfb and WebKitGTK 6.0)";

test.skipIf(!canRun)(`shows the page, follows the sidecar to its new address, ends with SIGTERM ${needs}`, async () => {
  const app = start();
  const first = await until(
    () => `the first page\n${app.output()}`,
    () => app.page(1),
  );
  await until(
    () => "the page on the screen",
    () => (display?.shows("#ddeeff") ? true : undefined),
  );
  if (process.env.ERTH_TEST_SCREENSHOT) display?.screenshot(process.env.ERTH_TEST_SCREENSHOT);
  process.kill(first, "SIGKILL");
  const second = await until(
    () => "the second page",
    () => app.page(2),
  );
  expect(second).not.toBe(first);
  app.child.kill("SIGTERM");
  expect(await app.ended).toBe(0);
  expect(app.ending()).toBe("asked");
  await allGone();
});

test.skipIf(!canRun)(`the user closes the window ${needs}`, async () => {
  const app = start();
  await until(
    () => `the page\n${app.output()}`,
    () => app.page(1),
  );
  // The page is asked for before its window is on the screen.
  await expect.poll(() => display?.closeWindow("dev.erth.stub"), { timeout: 20_000 }).toBe(true);
  expect(await app.ended).toBe(0);
  expect(app.ending()).toBe("user");
  await allGone();
});

test.skipIf(!canRun)(`no window outlives the supervisor, and a lost window is told as a crash ${needs}`, async () => {
  const orphaned = start();
  const crashed = start();
  await until(
    () => `the page\n${orphaned.output()}`,
    () => orphaned.page(1),
  );
  await until(
    () => `the page\n${crashed.output()}`,
    () => crashed.page(1),
  );
  orphaned.child.kill("SIGKILL");
  const window = processesOf(root).find((line) => line.includes("window.js") && parentOf(line) === crashed.child.pid);
  process.kill(Number.parseInt(window ?? "", 10), "SIGKILL");
  expect(await crashed.ended).toBe(0);
  expect(crashed.ending()).toBe("crashed");
  await allGone();
});

test.skipIf(!canRun)(`runApp whole: a booted page, an orderly end, and why there is no window ${needs}`, async () => {
  const folder = await assembleApp("whole", "app/shell/main.ts", await bundledSidecar());
  const app = start({}, folder);
  await until(
    () => `the page on the screen\n${app.output()}`,
    () => (display?.shows("#ddeeff") ? true : undefined),
  );
  app.child.kill("SIGTERM");
  expect(await app.ended).toBe(0);

  const noDisplay = start({ DISPLAY: undefined, WAYLAND_DISPLAY: undefined }, folder);
  expect(await noDisplay.ended).toBe(1);
  expect(noDisplay.output()).toMatch(/error\[NO_DISPLAY\].*neither DISPLAY nor WAYLAND_DISPLAY is set/);
  expect(readFileSync(join(noDisplay.home, ".local/state/dev.erth.stub/logs/shell.log"), "utf8")).toContain(
    "NO_DISPLAY",
  );

  const noLibrary = start({ ERTH_WEBVIEW_LIBRARY: join(root, "gone.so") }, folder);
  expect(await noLibrary.ended).toBe(1);
  expect(noLibrary.output()).toMatch(/error\[WEBVIEW_LIBRARY\].*gone\.so/);
  await allGone();
});

function parentOf(line: string): number {
  const status = readFileSync(`/proc/${Number.parseInt(line, 10)}/status`, "utf8");
  return Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]);
}
