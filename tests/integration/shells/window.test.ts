/** The window process by itself: what it says where its library cannot be loaded. */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
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

/** The events of a window process that gets no commands; its input stays open for as long as it lives. */
async function eventsWith(library: string): Promise<readonly WindowEvent[]> {
  const child = spawn(bun, [join(root, "shell/window.js"), library], { stdio: ["pipe", "pipe", "ignore"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const stdout = await text(child.stdout);
  return stdout.split("\n").flatMap((line) => parseEvent(line) ?? []);
}

function compile(name: string, source: string, flags: readonly string[]): string {
  const file = join(root, name);
  writeFileSync(`${file}.c`, source);
  execFileSync("gcc", ["-shared", "-fPIC", "-o", file, `${file}.c`, ...flags]);
  return file;
}

test.skipIf(!canCompile)("names the packages where WebKitGTK is missing (needs gcc)", async () => {
  const dependency = compile("libdependency.so", "int webkit(void) { return 1; }", [
    "-Wl,-soname,libwebkitgtk-6.0.so.99",
  ]);
  const library = compile("libwebview.so", "int webkit(void); int webview_create(void) { return webkit(); }", [
    dependency,
  ]);
  const [event] = await eventsWith(library);
  expect(event).toMatchObject({
    event: "failed",
    code: "WEBKITGTK_MISSING",
    message: expect.stringContaining("libwebkitgtk-6.0.so.99"),
    remedy: expect.stringContaining("sudo apt install libwebkitgtk-6.0-4"),
  });
});

test.skipIf(!canCompile)("tells another library that is missing with what to install (needs gcc)", async () => {
  const dependency = compile("liblost.so", "int lost(void) { return 1; }", ["-Wl,-soname,liblost.so.7"]);
  const library = compile("libneedy.so", "int lost(void); int webview_create(void) { return lost(); }", [dependency]);
  const [event] = await eventsWith(library);
  expect(event).toMatchObject({
    event: "failed",
    code: "WEBVIEW_LIBRARY",
    remedy: "install the package that holds liblost.so.7, then start the app again",
  });
});

test.skipIf(process.platform === "win32")("tells a library that is gone with its path", async () => {
  const [event] = await eventsWith(join(root, "gone.so"));
  expect(event).toMatchObject({
    event: "failed",
    code: "WEBVIEW_LIBRARY",
    message: expect.stringContaining("gone.so"),
  });
});
