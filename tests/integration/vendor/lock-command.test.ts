/** `erth lock` by its command line, in a copy of the reference app, against a registry on the loopback. */
import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { PINNED } from "../../../build/vendor/requirements.ts";
import { readLock } from "../../../build/vendor/lock.ts";
import { copyProject } from "../../e2e/support/project.ts";
import { tarball } from "../../unit/vendor/tarball.ts";
import { cleanEnv, host, registry, scratch } from "./setup.ts";

const MAIN = join(import.meta.dirname, "../../../build/cli/main.ts");

async function lock(
  config: string,
  env: Readonly<Record<string, string>>,
): Promise<{ status: number; stderr: string }> {
  const child = spawn(process.execPath, [MAIN, "lock", "--config", config], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const stderr = await text(child.stderr);
  const status = child.exitCode ?? (await new Promise<number>((resolve) => child.on("exit", resolve)));
  return { status, stderr };
}

test("locks every pinned binary and the addons that the sidecar uses; a core out of reach is a warning", async () => {
  const root = scratch();
  const config = copyProject(join(root, "project"));
  const path = join(config, "../erth.lock.json");
  const shipped = await readLock(path);
  rmSync(path);
  const npm = await registry();
  for (const entry of Object.values(shipped.entries)) {
    if (entry.source !== "npm") continue;
    npm.publish(entry.package, entry.version, tarball([{ path: "package/x", body: entry.package }]));
  }
  const mirror = await host();
  const env = cleanEnv(root, {
    ERTH_CACHE: join(root, "cache"),
    ERTH_MIRROR: mirror.url,
    npm_config_registry: `${npm.url}/`,
  });
  const first = await lock(config, env);
  expect(first.stderr).toMatch(/warning electrobun-core\/\S+ could not be downloaded from .*HTTP 404/);
  expect(first.status).toBe(0);
  const { entries } = await readLock(path);
  expect(Object.keys(entries)).toEqual(Object.keys(shipped.entries));
  expect(Object.keys(entries)).toEqual(expect.arrayContaining(PINNED.map(({ name }) => name)));
  expect(entries["native/libsql/win32-x64"]).toMatchObject({ package: "@libsql/win32-x64-msvc" });
  expect(entries["electrobun-core/linux-x64"]).toMatchObject({ sha256: null });

  // A published version whose bytes have changed is no refresh.
  const before = readFileSync(path, "utf8");
  npm.publish("webview-bun", "2.4.0", tarball([{ path: "package/x", body: "evil" }]));
  const second = await lock(config, env);
  expect(second.status).toBe(1);
  expect(second.stderr).toMatch(/error\[VENDOR_CHANGED\].*webview[^]*do {2}.*--accept/);
  expect(readFileSync(path, "utf8")).toBe(before);
});
