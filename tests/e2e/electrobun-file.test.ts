/**
 * The production shell all the way: ElectroBun's own main.js and SDK in the
 * finished Linux file, on a stub core of ours that shows what the window is
 * told. The file starts, serves its database, survives its sidecar, and ends.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readManifest } from "../../build/artifacts/manifest.ts";
import { readPayload } from "../../build/formats/payload-reader.ts";
import { killAllOf, processesOf, until } from "../fixtures/stub-core/processes.ts";
import { hasCompiler, makeStubCore } from "../fixtures/stub-core/stub-core.ts";
import { withIndex } from "../integration/stub/small-app.ts";
import { titlesOf } from "../support/sidecar.ts";
import { buildApp, isLinux, type BuiltApp } from "./support/built-app.ts";

const SDK = join(import.meta.dirname, "../../node_modules/electrobun");

describe.skipIf(!isLinux || !hasCompiler())("the Linux file with ElectroBun's shell (needs gcc)", () => {
  const folder = mkdtempSync(join(tmpdir(), "erth-e2e-electrobun-"));
  const home = join(folder, "home");
  const log = join(folder, "calls.jsonl");
  let built: BuiltApp;

  beforeAll(() => {
    mkdirSync(home);
    makeStubCore(join(folder, "core"), SDK);
    built = buildApp(join(folder, "dist"), "app/erth.config.ts", { ERTH_ELECTROBUN_CORE_DIR: join(folder, "core") });
  });
  afterAll(async () => {
    await killAllOf(folder);
    rmSync(folder, { recursive: true, force: true });
  });

  /** The address in the last call of this name to the core. */
  function addressIn(call: string): string | undefined {
    const lines = (existsSync(log) ? readFileSync(log, "utf8") : "").split("\n");
    const last = lines.filter((line) => line.startsWith(`{"call":"${call}"`)).at(-1);
    return /http:\/\/127\.0\.0\.1:[^"]+/.exec(last ?? "")?.[0];
  }

  /** What the window would show: the page behind a boot address. */
  async function pageAt(url: string): Promise<string> {
    const boot = await fetch(url, { redirect: "manual" });
    const cookie = boot.headers.get("set-cookie")?.split(";")[0] ?? "";
    return await (await fetch(new URL("/", url), { headers: { cookie } })).text();
  }

  test("it is no fallback, and knows what a system must bring", async () => {
    const [file] = (await readManifest(join(built.folder, "manifest.json")))?.artifacts ?? [];
    expect(file).toMatchObject({ shell: "electrobun", sidecar: "pkg" });
    expect(file?.fallbackReason).toBeUndefined();
    const { index } = await readPayload(built.path);
    expect(index.requirements.map(({ library, packages }) => [library, packages["debian"]])).toEqual([
      ["libwebkit2gtk-4.1.so.0", "libwebkit2gtk-4.1-0"],
      ["libayatana-appindicator3.so.1", "libayatana-appindicator3-1"],
    ]);
  });

  test("it shows its database, survives its sidecar, and leaves nothing behind", async () => {
    // The stub core needs none of the libraries that the real one does.
    await withIndex(built.path, { requirements: [] });
    const env = { HOME: home, PATH: "/nowhere", ERTH_STUB_LOG: log, ERTH_STUB_CONTROL: home, LANG: "C.UTF-8" };
    const child = spawn(built.path, [], { cwd: "/", env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (output += data.toString()));
    const ended = new Promise((resolve) => child.on("exit", resolve));

    const first = await until(
      () => `a window\n${output}`,
      () => addressIn("initWebview"),
    );
    expect(titlesOf(await pageAt(first))).toContain("Double-click a todo to change it");

    const sidecar = processesOf(folder).find((line) => line.includes("-sidecar")) ?? "";
    process.kill(Number.parseInt(sidecar, 10), "SIGKILL");
    const second = await until(
      () => `another address\n${output}`,
      () => addressIn("loadURLInWebView"),
    );
    expect(new URL(second).origin).not.toBe(new URL(first).origin);
    expect(titlesOf(await pageAt(second))).toHaveLength(4);

    writeFileSync(join(home, "close"), "");
    expect(await ended).toBe(0);
    await until(
      () => `no process left, not ${processesOf(folder).join("; ")}`,
      () => (processesOf(folder).length === 0 ? true : undefined),
    );
  });
});
