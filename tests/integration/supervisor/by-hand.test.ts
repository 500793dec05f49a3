/** A sidecar that is started by anything but its supervisor, and one that is a single bundled script. Needs: bun. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";
import { fake, hasBun, node, bun, type Runtime } from "./runtimes.ts";
import { boot, gone, newFolders, spin, supervise } from "./supervised.ts";

function startByHand(runtime: Runtime, stdin: string): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(runtime.path, [fake("good")], { stdio: ["pipe", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (chunk) => (stderr += String(chunk)));
  child.stdin.on("error", () => {});
  child.stdin.end(stdin);
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, stderr })));
}

describe.skipIf(!hasBun).each([node, bun])("bun: on $name", (runtime) => {
  test.concurrent.each([
    ["nothing", "", /stdin is empty/],
    ["garbage", "hello\n", /not JSON/],
    ["half a line", '{"v":1', /ended inside/],
    ["too much", "x".repeat(100_000), /over 65536 bytes/],
  ])("%s on stdin is refused with exit code 64", async (_, stdin, message) => {
    const { code, stderr } = await startByHand(runtime, stdin);
    expect(code).toBe(64);
    expect(stderr).toMatch(/^erth-error: \[\{"code":"SIDECAR_HELLO"/);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  test("one bundled CommonJS script keeps the whole contract, lifeline included", async () => {
    const folders = newFolders();
    const script = join(folders.cache, "sidecar.cjs");
    await build({ entryPoints: [fake("good")], bundle: true, platform: "node", format: "cjs", outfile: script });
    const app = supervise({ parent: bun, child: runtime }, [script], {}, folders);
    const { url, sidecarPid } = await app.next("serving");
    const { origin, cookie } = await boot(url!);
    await spin(origin, cookie);
    app.kill();
    await gone(sidecarPid!);
  });
});
