/**
 * The finished AppImage, in an empty home with nothing on PATH: started as it
 * is, and through the AppRun that squashfs-tools take out of it, it opens a
 * window with data from its database.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildApp, isLinux } from "./support/built-app.ts";
import { missingTools, startDisplay, type Display } from "./support/display.ts";
import { waitFor } from "./support/processes.ts";
import { runningApp } from "./support/running-app.ts";

const missing = [...missingTools(), ...(spawnSync("unsquashfs", ["-v"]).error === undefined ? [] : ["unsquashfs"])];
const needs = missing.length > 0 ? ` (missing: ${missing.join(", ")})` : "";
const screenshots = join(import.meta.dirname, "../../.erth/screenshots");

describe.skipIf(!isLinux || missing.length > 0)(`the AppImage, under Xvfb${needs}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "erth-e2e-"));
  const file = join(folder, "Übung 下载", "ERTH Assistant.AppImage");
  let display: Display;

  beforeAll(async () => {
    const built = buildApp(join(folder, "dist"), "app/erth.config.ts", {}, ["--format", "appimage"]);
    for (const path of [join(file, ".."), screenshots]) mkdirSync(path, { recursive: true });
    copyFileSync(built.path, file);
    execFileSync("unsquashfs", ["-q", "-n", "-o", "12288", "-d", join(folder, "AppDir"), file], { stdio: "pipe" });
    display = await startDisplay();
  });

  afterAll(() => {
    display?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([
    ["as it is", file],
    ["by the AppRun in it", join(folder, "AppDir/AppRun")],
  ] as const)("opens a window with data, started %s", async (how, path) => {
    const home = join(folder, how);
    mkdirSync(home);
    const app = runningApp({ path, home, scratch: folder, display });
    try {
      const shell = app.start();
      await app.seeText(/write down the next/, 60_000);
      display.screenshot(join(screenshots, `appimage ${how}.png`));
      expect(app.titles()).toContain("Double-click a todo to change it");
      const told = readFileSync(`/proc/${shell.pid}/environ`, "utf8").split("\0");
      expect(told).toContain(`ERTH_FILE=${path}`);
      if (path === file) {
        expect(told).toContain(`APPIMAGE=${file}`);
        expect(told).toContain("OWD=/");
      }
      shell.kill("SIGTERM");
      await waitFor("no process left", 10_000, () => app.processes().length === 0);
    } finally {
      await app.killAll();
    }
  });
});
