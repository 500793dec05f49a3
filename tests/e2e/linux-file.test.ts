/**
 * The promise, on the finished Linux file: in an empty home, with nothing on
 * PATH, it opens a window with data from its database; a killed sidecar comes
 * back with the user's todo still there; a killed shell leaves no process.
 * Both kinds of sidecar keep it.
 */
import type { ChildProcess } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hostTarget } from "../../build/plan/target.ts";
import { buildApp, isLinux, type BuiltApp } from "./support/built-app.ts";
import { missingTools, startDisplay, type Display } from "./support/display.ts";
import { waitFor } from "./support/processes.ts";
import { copyProject } from "./support/project.ts";
import { runningApp, type RunningApp } from "./support/running-app.ts";

const missing = missingTools();
const needs = missing.length > 0 ? ` (missing: ${missing.join(", ")})` : "";
const screenshots = join(import.meta.dirname, "../../.erth/screenshots");

/** A name with all that file names, shells, XML and JSON stumble over. */
const ODD_NAME = `Bob's "1.0" Büro & Söhne, 試 🌱`;

/** The reference app's config with another kind of sidecar and the odd name, in a copy of the project. */
function withBunSidecar(folder: string): string {
  const config = copyProject(join(folder, "project"));
  const text = readFileSync(config, "utf8").replaceAll('"ERTH Assistant"', () => JSON.stringify(ODD_NAME));
  writeFileSync(config, text.replace('kind: "pkg"', 'kind: "bun"'));
  return config;
}

describe.skipIf(!isLinux || missing.length > 0).each([
  ["pkg", "ERTH Assistant", "erth-assistant"],
  ["bun", ODD_NAME, "bobs-1-0-buro-sohne"],
] as const)(`the Linux file with a %s sidecar, called %s, under Xvfb${needs}`, (kind, name, slug) => {
  const folder = mkdtempSync(join(tmpdir(), "erth-e2e-"));
  const home = join(folder, "home");
  const place = join(folder, "Übung 下载");
  let display: Display;
  let app: RunningApp;
  let built: BuiltApp;
  let shell: ChildProcess;
  const screenshot = (name: string): void => display.screenshot(join(screenshots, `${kind}-${name}.png`));
  /** The id of the one window, by its WM_CLASS. */
  const window = (): string =>
    display.xdotool("search", "--onlyvisible", "--class", "dev.erth.assistant").trim().split("\n")[0] ?? "";
  /**
   * Types a todo into the window until it is stored, and waits until it is shown. What is
   * typed while a page is being replaced by that of another sidecar is lost with the page.
   */
  const addTodo = async (title: string): Promise<void> => {
    const isStored = (): boolean => app.titles().includes(title);
    for (let tries = 0; tries < 6 && !isStored(); tries += 1) {
      display.xdotool("windowfocus", "--sync", window());
      display.xdotool("key", "ctrl+a");
      display.xdotool("type", "--delay", "30", title);
      display.xdotool("key", "Return");
      await waitFor("the todo in the database", 15_000, isStored).catch(() => undefined);
    }
    expect(app.titles(), app.output()).toContain(title);
    await app.seeText(new RegExp(title), 120_000);
  };

  beforeAll(async () => {
    const config = kind === "bun" ? withBunSidecar(folder) : "app/erth.config.ts";
    built = buildApp(join(folder, "dist"), config);
    for (const path of [home, place, screenshots]) mkdirSync(path, { recursive: true });
    copyFileSync(built.path, join(place, "assistant"));
    rmSync(join(folder, "project"), { recursive: true, force: true });
    display = await startDisplay();
    app = runningApp({ path: join(place, "assistant"), home, scratch: folder, display });
    shell = app.start();
  });

  afterAll(async () => {
    await app?.killAll();
    display?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("opens a window with data from the embedded database", async () => {
    await app.seeText(/write down the next/, 120_000);
    screenshot("first-start");
    expect(display.xdotool("getwindowname", window()).trim()).toContain(name);
    expect(basename(built.path)).toBe(`${slug}-${built.version}-${hostTarget() ?? ""}`);
    expect(app.titles()).toContain("Double-click a todo to change it");
  });

  test("a todo typed into the window is stored", async () => {
    await addTodo("Water the plants");
    screenshot("todo-added");
  });

  test("a second start gives way to the first", async () => {
    const second = app.start();
    expect(await new Promise((resolve) => second.on("exit", resolve))).toBe(0);
    expect(app.sidecars()).toHaveLength(1);
  });

  test("a killed sidecar comes back on its own, with the todo still there", async () => {
    const [before] = app.sidecars();
    expect(before).toBeDefined();
    process.kill(before!.pid, "SIGKILL");
    await waitFor("another sidecar", 60_000, () => app.sidecars().some(({ pid }) => pid !== before!.pid));
    // The old page would show the old todo as well: what is typed now has only the new sidecar to go to.
    await addTodo("Feed the cat");
    await app.seeText(/Water the plants/, 120_000);
    screenshot("recovered");
    expect(app.titles()).toEqual(expect.arrayContaining(["Water the plants", "Feed the cat"]));
  });

  test("a killed shell leaves no process", async () => {
    expect(app.processes().length).toBeGreaterThan(2);
    shell.kill("SIGKILL");
    await waitFor("no process left", 60_000, () => app.processes().length === 0);
  });

  test("the next start unpacks nothing and shows the same data", async () => {
    const unpacked = join(home, ".cache/dev.erth.assistant/app");
    const facts = (): readonly unknown[] =>
      readdirSync(unpacked, { recursive: true, encoding: "utf8" })
        .filter((path) => !path.endsWith(".lock"))
        .sort()
        .map((path) => [path, statSync(join(unpacked, path)).ino, statSync(join(unpacked, path)).ctimeMs]);
    const before = facts();
    app.start();
    await app.seeText(/Water the plants/, 120_000);
    expect(before.length).toBeGreaterThan(5);
    expect(facts()).toEqual(before);
  });
});
