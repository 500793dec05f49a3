/**
 * All five targets from this host, looked at from outside: what other tools
 * find in the finished files. Nothing of macOS or Windows is run here.
 */
import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readManifest, type ManifestFile } from "../../build/artifacts/manifest.ts";
import { payloadFaults, readPayload } from "../../build/formats/payload-reader.ts";
import { TARGETS } from "../../build/plan/target.ts";
import { verifyApp } from "../../signing/apple/verify-app.ts";
import { startSidecar, stopSidecar, titlesOf } from "../support/sidecar.ts";
import { erth } from "./support/built-app.ts";

const folder = mkdtempSync(join(tmpdir(), "erth-targets-"));
const dist = join(folder, "dist/0.1.0");
/** Of libc6-arm64-cross, libstdc++6-arm64-cross and libatomic1-arm64-cross. */
const ARM64_LIBRARIES = "/usr/aarch64-linux-gnu";
const has = (tool: string): boolean =>
  (process.env.PATH ?? "").split(":").some((place) => existsSync(join(place, tool)));
let files: readonly ManifestFile[] = [];

const pathOf = (target: ManifestFile["target"]): string =>
  join(dist, files.find((file) => file.target === target)?.path ?? "missing");
const unzip = (target: ManifestFile["target"]): string => {
  const to = join(folder, target);
  execFileSync("unzip", ["-q", pathOf(target), "-d", to]);
  return to;
};
/** CPU type of a Mach-O, machine of a PE or of an ELF: where each format keeps it. */
const machOCpu = (path: string): number => readFileSync(path).readUInt32LE(4);
const peMachine = (path: string): number => {
  const bytes = readFileSync(path);
  return bytes.readUInt16LE(bytes.readUInt32LE(0x3c) + 4);
};

beforeAll(async () => {
  erth(["package", "--config", "app/erth.config.ts", "--target", "all", "--fast", "--out", join(folder, "dist")]);
  files = (await readManifest(join(dist, "manifest.json")))?.artifacts ?? [];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("there is a file for each target, its parts add up, no key signed it, and its fallback is on record", () => {
  expect(files.map(({ target }) => target)).toEqual(TARGETS);
  for (const file of files) {
    expect(lstatSync(join(dist, file.path)).size).toBe(file.bytes);
    expect(file.bytes).toBeLessThan(128_000_000);
    expect(Object.values(file.compressedBytes).reduce((sum, bytes) => sum + bytes, 0)).toBe(file.bytes);
    expect(file.signedBy).toBe(file.target.startsWith("darwin") ? "ad-hoc" : null);
    if (file.shell === "webview") expect(file.fallbackReason).toMatch(/^electrobun-core\//);
  }
});

test.for(["linux-x64", "linux-arm64"] as const)(
  "%s: every frame and file of the payload is what its index says",
  async (target) => {
    const path = pathOf(target);
    expect(await payloadFaults(path, await readPayload(path))).toEqual([]);
  },
);

test.skipIf(!has("qemu-aarch64-static"))("linux-arm64: its own stub verifies it, under qemu-aarch64-static", () => {
  const info = execFileSync("qemu-aarch64-static", [pathOf("linux-arm64"), "--erth-info"], { encoding: "utf8" });
  expect(JSON.parse(info)).toMatchObject({ name: "ERTH Assistant", version: "0.1.0" });
  execFileSync("qemu-aarch64-static", [pathOf("linux-arm64"), "--erth-verify"]);
});

test.skipIf(!has("qemu-aarch64-static") || !existsSync(ARM64_LIBRARIES))(
  "linux-arm64: its sidecar serves the seed's todos, under qemu-aarch64-static with Debian's arm64 cross libraries",
  async () => {
    const app = join(folder, "arm64");
    const home = join(folder, "arm64-home");
    mkdirSync(home);
    execFileSync("qemu-aarch64-static", [pathOf("linux-arm64"), "--erth-extract", app]);
    const program = join(app, "bin/erth-assistant-sidecar");
    const env = { PATH: process.env.PATH, HOME: home };
    const sidecar = await startSidecar(["qemu-aarch64-static", "-L", ARM64_LIBRARIES, program], home, env);
    expect(titlesOf(await (await sidecar.ask("/")).text())).toHaveLength(4);
    const added = await sidecar.ask("/todos", { method: "POST", body: new URLSearchParams({ title: "Milch 🥛" }) });
    expect(titlesOf(await added.text())[0]).toBe("Milch 🥛");
    expect(await stopSidecar(sidecar)).toBe(0);
  },
);

test.skipIf(!has("unzip")).for([
  ["darwin-arm64", 0x0100000c],
  ["darwin-x64", 0x01000007],
] as const)("%s: unzip finds a signed .app whose executables are Mach-O of that processor", async ([target, cpu]) => {
  const app = join(unzip(target), "ERTH Assistant.app");
  const contents = join(app, "Contents");
  const plist = readFileSync(join(contents, "Info.plist"), "utf8");
  const executable = /<key>CFBundleExecutable<\/key>\s*<string>([^<]+)</.exec(plist)?.[1] ?? "";
  expect(plist).toContain("<string>dev.erth.assistant</string>");
  for (const name of [executable, "bun", "erth-assistant-sidecar"]) {
    const path = join(contents, "MacOS", name);
    expect(machOCpu(path)).toBe(cpu);
    expect(lstatSync(path).mode & 0o111).toBe(0o111);
  }
  expect(readFileSync(join(contents, "Resources/AppIcon.icns")).subarray(0, 4).toString()).toBe("icns");
  // Every page, every resource, the seal: what macOS checks before it starts an app on arm64.
  expect(await verifyApp({ app })).toEqual([]);
});

test.skipIf(!has("unzip"))("win32-x64: unzip finds an app folder whose executables are PE of that processor", () => {
  const app = join(unzip("win32-x64"), "ERTH Assistant");
  for (const name of ["ERTH Assistant.exe", "bin/bun.exe", "bin/erth-assistant-sidecar.exe", "bin/libwebview.dll"]) {
    expect(peMachine(join(app, name))).toBe(0x8664);
  }
});
