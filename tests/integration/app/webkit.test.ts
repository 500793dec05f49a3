/** The interface in WebKitGTK, the engine of the app's window on Linux: nothing is blocked, focus stays. */
import { execFile, execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { addTodo } from "../../../app/sidecar/todos.ts";
import { withoutNeeds } from "../../../build/formats/elf-dynamic.ts";
import { type Display, startDisplay } from "../../fixtures/stub-core/display.ts";
import { scratchFolder } from "../../support/scratch.ts";
import { memoryStore } from "../../unit/app/memory-store.ts";
import { testId } from "../../unit/app/test-app.ts";
import { startApp } from "./running-app.ts";

const MODULES = join(import.meta.dirname, "../../../node_modules");
const BUN = join(MODULES, ".bin/bun");
const LIBRARY = join(MODULES, `webview-bun/build/libwebview-${process.arch}.so`);

function canRun(): boolean {
  if (process.platform !== "linux") return false;
  try {
    execFileSync("Xvfb", ["-help"], { stdio: "ignore" });
    const env = { PATH: `${process.env["PATH"]}:/sbin:/usr/sbin` };
    return execFileSync("ldconfig", ["-p"], { encoding: "utf8", env }).includes("libwebkitgtk-6.0.so.4");
  } catch {
    // Either tool is absent: the title says what is needed.
    return false;
  }
}

test.skipIf(!canRun())("everything works in WebKitGTK 6.0 under Xvfb, with focus kept and no complaint", async () => {
  const store = memoryStore();
  addTodo(store, testId(0), "Walk", 0);
  const app = await startApp(store);
  const display: Display = await startDisplay();
  // The library as an app carries it.
  const library = join(await scratchFolder(), "libwebview.so");
  await writeFile(library, withoutNeeds(await readFile(LIBRARY), ["libvulkan.so.1"]));
  try {
    const { stdout } = await promisify(execFile)(BUN, [join(import.meta.dirname, "webkit-driver.js"), app.url], {
      timeout: 50_000,
      env: {
        ...process.env,
        WEBVIEW_PATH: library,
        DISPLAY: display.name,
        GDK_BACKEND: "x11",
        LIBGL_ALWAYS_SOFTWARE: "1",
        WEBKIT_DISABLE_DMABUF_RENDERER: "1",
        WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1",
      },
    });
    const hostile = `"><img src=x onerror=alert(1)>`;
    expect(JSON.parse(stdout.trim().split("\n").at(-1) ?? "")).toEqual({
      complaints: [],
      seen: {
        start: { rows: ["Walk"], focus: "new" },
        added: { rows: [hostile, "Walk"], focus: "new" },
        ticked: { rows: ["Walk"], focus: "box" },
        unticked: { rows: [hostile, "Walk"], focus: "box" },
        editing: { rows: ["Walk"], focus: "edit" },
        edited: { rows: ["Edited 😀", "Walk"], focus: "box" },
        deleted: { rows: ["Walk"], focus: "box" },
        undone: { rows: ["Edited 😀", "Walk"], focus: "box" },
        found: { rows: ["Walk"], focus: "query" },
        cleared: { rows: ["Edited 😀", "Walk"], focus: "query" },
        title: "2 open · ERTH Assistant",
      },
    });
  } finally {
    await display.stop();
    await app.stop();
  }
});
