/**
 * What signing for macOS costs: Node's program of about 150 MB, and an app of
 * the size of ours (Node, Bun, a launcher, resources), ad hoc and with a
 * Developer ID and a timestamp, beside `rcodesign` in the same run, and checking
 * them. Run it with `node tests/bench/sign-apple.ts [runs]`. The aim is
 * no more time than rcodesign takes, and at most 300 MB of memory.
 */
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { renderPlist } from "../../build/formats/plist.ts";
import { appleAuthority } from "../fakes/certificate-authority.ts";
import { startTimestampAuthority } from "../fakes/timestamp-authority.ts";
import { vendorProgram } from "../golden/signing/apple/vendor.ts";
import { findTool } from "../parity/signing/apple/apple-tools.ts";

const SAMPLE_MS = 3;
await table(Number(process.argv[2] ?? 5));

async function table(runs: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "erth-bench-"));
  const stamps = await startTimestampAuthority();
  try {
    const input = await vendorProgram("node/darwin-x64");
    const { application } = appleAuthority();
    const key = join(folder, "key.pem");
    writeFileSync(key, application.keyPem + application.chainPem);
    const erth = [process.execPath, join(import.meta.dirname, "sign-apple-child.ts")];
    const tool = findTool("rcodesign");
    const rcodesign = tool === undefined ? [] : [tool, "sign"];
    const withKey = ["--pem-file", key, "--timestamp-url", stamps.url, "--code-signature-flags", "runtime"];
    const app = await makeApp(join(folder, "Bench.app"));
    // Neither writes over an app.
    const fresh = (name: string, command: readonly string[]): readonly string[] => {
      const output = join(folder, name);
      return [
        "sh",
        "-c",
        'rm -rf "$0" && exec "$@"',
        output,
        ...command.map((word) => (word === "OUT" ? output : word)),
      ];
    };
    const rows: readonly (readonly [name: string, command: readonly string[]])[] = [
      ["erth, ad hoc", [...erth, "sign", input, join(folder, "a")]],
      ["rcodesign, ad hoc", [...rcodesign, input, join(folder, "b")]],
      ["erth, Developer ID and timestamp", [...erth, "sign", input, join(folder, "c"), stamps.url]],
      ["rcodesign, the same", [...rcodesign, ...withKey, input, join(folder, "d")]],
      ["erth verify", [...erth, "verify", input]],
      ["erth, the whole app", fresh("e.app", [...erth, "sign-app", app, "OUT", stamps.url])],
      ["rcodesign, the same", tool === undefined ? [input] : fresh("f.app", [...rcodesign, ...withKey, app, "OUT"])],
    ];
    console.log(
      `${(statSync(input).size / 1e6).toFixed(0)} MB, ${runs} runs`.padEnd(36),
      "  median s   best s  peak MB",
    );
    for (const [name, command] of rows) {
      if (command[0] === input) console.log(name.padEnd(36), "  rcodesign is not installed");
      else console.log(name.padEnd(36), await measured(command, runs));
    }
  } finally {
    await stamps.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** An app that weighs what the reference app does. */
async function makeApp(app: string): Promise<string> {
  const contents = join(app, "Contents");
  mkdirSync(join(contents, "MacOS"), { recursive: true });
  mkdirSync(join(contents, "Resources"));
  const info = { CFBundleIdentifier: "dev.erth.bench", CFBundleExecutable: "bun" };
  writeFileSync(join(contents, "Info.plist"), renderPlist(info));
  copyFileSync(await vendorProgram("bun/darwin-arm64"), join(contents, "MacOS/bun"));
  copyFileSync(await vendorProgram("node/darwin-arm64"), join(contents, "MacOS/sidecar"));
  for (let at = 0; at < 200; at += 1) writeFileSync(join(contents, `Resources/${at}.js`), "x".repeat(20_000));
  return app;
}

async function measured([file = "", ...args]: readonly string[], runs: number): Promise<string> {
  const seconds: number[] = [];
  let peakKb = 0;
  for (let run = 0; run < runs; run += 1) {
    const started = performance.now();
    const process = spawn(file, args, { stdio: "ignore" });
    const sampling = setInterval(() => {
      peakKb = Math.max(peakKb, highWaterKb(process.pid));
    }, SAMPLE_MS);
    const status = await new Promise<number | null>((resolve, reject) => {
      process.on("error", reject);
      process.on("exit", resolve);
    });
    seconds.push((performance.now() - started) / 1000);
    clearInterval(sampling);
    if (status !== 0) throw new Error(`${file} ${args.join(" ")} ended with ${status}`);
  }
  seconds.sort((a, b) => a - b);
  const columns = [seconds[seconds.length >> 1]?.toFixed(2), seconds[0]?.toFixed(2), (peakKb / 1024).toFixed(0)];
  return columns.map((value) => String(value).padStart(9)).join("");
}

/** The kernel's own record of a process's greatest resident memory; 0 when it has ended. */
function highWaterKb(pid: number | undefined): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
