/** The window process by itself: what it says where its library cannot be loaded. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundleShell } from "../../../build/shells/bundle.ts";
import { parseEvent, type WindowEvent } from "../../../runtime/shell/window-protocol.ts";
import { hasCompiler } from "../../fixtures/stub-core/stub-core.ts";

const repository = join(import.meta.dirname, "../../..");
const bun = join(repository, "node_modules/bun/bin/bun.exe");
const root = mkdtempSync(join(tmpdir(), "erth-window-"));
const canCompile = process.platform === "linux" && hasCompiler();

beforeAll(async () => {
  const entry = join(repository, "app/shell/main.ts");
  await bundleShell({ kind: "webview", entry, outFolder: join(root, "shell"), sdkFolder: undefined });
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

/** The events of a window process that gets no commands. */
function eventsWith(library: string): readonly WindowEvent[] {
  // A pipe that stays open while the process lives, as the supervisor's does.
  const { stdout } = spawnSync("sh", ["-c", 'sleep 1 | "$0" "$1" "$2"', bun, join(root, "shell/window.js"), library], {
    encoding: "utf8",
    timeout: 20_000,
  });
  return stdout.split("\n").flatMap((line) => parseEvent(line) ?? []);
}

function compile(name: string, source: string, flags: readonly string[]): string {
  const file = join(root, name);
  writeFileSync(`${file}.c`, source);
  execFileSync("gcc", ["-shared", "-fPIC", "-o", file, `${file}.c`, ...flags]);
  return file;
}

test.skipIf(!canCompile)("names the packages where WebKitGTK is missing (needs gcc)", () => {
  const dependency = compile("libdependency.so", "int webkit(void) { return 1; }", [
    "-Wl,-soname,libwebkitgtk-6.0.so.99",
  ]);
  const library = compile("libwebview.so", "int webkit(void); int webview_create(void) { return webkit(); }", [
    dependency,
  ]);
  const [event] = eventsWith(library);
  expect(event).toMatchObject({
    event: "failed",
    code: "WEBKITGTK_MISSING",
    message: expect.stringContaining("libwebkitgtk-6.0.so.99"),
    remedy: expect.stringContaining("sudo apt install libwebkitgtk-6.0-4"),
  });
});

test.skipIf(process.platform === "win32")("tells a library that is gone with its path", () => {
  const [event] = eventsWith(join(root, "gone.so"));
  expect(event).toMatchObject({
    event: "failed",
    code: "WEBVIEW_LIBRARY",
    message: expect.stringContaining("gone.so"),
  });
});
