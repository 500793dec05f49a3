/**
 * The promise, on the finished Linux file: in an empty home, with nothing on
 * PATH, it opens a window with data from its database; a killed sidecar comes
 * back with the user's todo still there; a killed shell leaves no process.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildApp, isLinux, type BuiltApp } from "./support/built-app.ts";
import { missingTools, startDisplay, type Display } from "./support/display.ts";
import { processesWith, waitFor, type FoundProcess } from "./support/processes.ts";

const missing = missingTools();

describe.skipIf(!isLinux || missing.length > 0)(
  `the Linux file under Xvfb${missing.length > 0 ? ` (missing: ${missing.join(", ")})` : ""}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), "erth-e2e-"));
    const home = join(folder, "home");
    const place = join(folder, "Übung 下载");
    const screenshots = join(import.meta.dirname, "../../.erth/screenshots");
    const marker = `ERTH_E2E=${randomBytes(8).toString("hex")}`;
    let app: BuiltApp;
    let display: Display;
    let shell: ChildProcess;
    let output = "";

    const start = (): ChildProcess => {
      // No PATH entry and no variable of this machine: what the file needs, it carries.
      const [name = "", value = ""] = marker.split("=");
      const child = spawn(join(place, "assistant"), [], {
        cwd: "/",
        env: { HOME: home, DISPLAY: display.name, PATH: "/nowhere", LANG: "C.UTF-8", [name]: value },
        stdio: ["ignore", "pipe", "pipe"],
      });
      child.stdout?.on("data", (data: Buffer) => (output += data.toString()));
      child.stderr?.on("data", (data: Buffer) => (output += data.toString()));
      return child;
    };
    const ours = (): readonly FoundProcess[] => processesWith(marker);
    const sidecar = (): FoundProcess | undefined => ours().find(({ executable }) => executable.endsWith("-sidecar"));
    const seeText = (text: RegExp, timeoutMs: number): Promise<string> =>
      waitFor(`${String(text)} on the screen; the app said:\n${output}`, timeoutMs, () => {
        const seen = display.readText(folder);
        return text.test(seen) ? seen : undefined;
      });
    const databaseFile = (): string | undefined => {
      const data = join(home, ".local/share/dev.erth.assistant");
      const name = existsSync(data) ? readdirSync(data).find((entry) => entry.endsWith(".db")) : undefined;
      return name && join(data, name);
    };
    const titles = (): readonly unknown[] => {
      const path = databaseFile();
      if (path === undefined) return [];
      const database = new DatabaseSync(path, { readOnly: true });
      try {
        return database
          .prepare("SELECT title FROM todos WHERE is_deleted = 0")
          .all()
          .map((row) => row.title);
      } finally {
        database.close();
      }
    };

    beforeAll(async () => {
      app = buildApp(join(folder, "dist"));
      for (const path of [home, place, screenshots]) mkdirSync(path, { recursive: true });
      copyFileSync(app.path, join(place, "assistant"));
      display = await startDisplay();
      shell = start();
    });

    afterAll(() => {
      for (const { pid } of ours()) process.kill(pid, "SIGKILL");
      display?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    test("opens a window with data from the embedded database", async () => {
      await seeText(/ERTH|Assistant|todo/i, 60_000);
      display.screenshot(join(screenshots, "first-start.png"));
      expect(titles().length).toBeGreaterThan(0);
    });

    test("a todo typed into the window is stored", async () => {
      const [window = ""] = display.xdotool("search", "--onlyvisible", "--name", "ERTH Assistant").trim().split("\n");
      display.xdotool("windowfocus", "--sync", window);
      display.xdotool("type", "--delay", "30", "Water the plants");
      display.xdotool("key", "Return");
      await waitFor(`the todo in the database; the app said:\n${output}`, 15_000, () =>
        titles().includes("Water the plants"),
      );
      await seeText(/Water the plants/, 20_000);
      display.screenshot(join(screenshots, "todo-added.png"));
    });

    test("a second start gives way to the first", async () => {
      const second = start();
      const code = await new Promise((resolve) => second.on("exit", resolve));
      expect(code).toBe(0);
      expect(ours().filter(({ executable }) => executable.endsWith("-sidecar"))).toHaveLength(1);
    });

    test("a killed sidecar comes back on its own, with the todo still there", async () => {
      const before = sidecar();
      expect(before).toBeDefined();
      process.kill(before!.pid, "SIGKILL");
      await waitFor("another sidecar", 10_000, () => {
        const now = sidecar();
        return now !== undefined && now.pid !== before!.pid;
      });
      await seeText(/Water the plants/, 30_000);
      display.screenshot(join(screenshots, "recovered.png"));
      expect(titles()).toContain("Water the plants");
    });

    test("a killed shell leaves no process", async () => {
      expect(ours().length).toBeGreaterThan(2);
      shell.kill("SIGKILL");
      await waitFor(`no process left; left are ${JSON.stringify(ours())}`, 10_000, () => ours().length === 0);
    });

    test("the next start unpacks nothing and shows the same data", async () => {
      const unpacked = join(home, ".cache/dev.erth.assistant/app");
      const before = readdirSync(unpacked);
      shell = start();
      await seeText(/Water the plants/, 60_000);
      expect(readdirSync(unpacked).sort()).toEqual(before.sort());
    });
  },
);
