/**
 * A release of the reference app with keys, by the real command line: signed
 * for macOS and Windows on this machine, and looked at by signers of other
 * make. No secret may show in anything that it prints or writes.
 */
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Manifest, readManifest } from "../../build/artifacts/manifest.ts";
import { parseCertificate } from "../../signing/cms/certificate.ts";
import { verifyApp } from "../../signing/apple/verify-app.ts";
import { verifyPe } from "../../signing/windows/verify-pe.ts";
import { appleAuthority, windowsAuthority } from "../fakes/certificate-authority.ts";
import { startTimestampAuthority, type TimestampAuthority } from "../fakes/timestamp-authority.ts";
import { findTool, runTool } from "../parity/signing/apple/apple-tools.ts";
import { hasOsslsigncode, run as runOsslsigncode } from "../parity/signing/windows/tools.ts";

const ROOT = join(import.meta.dirname, "../..");
const PASSWORD = "hunter2-is-the-password";
const apple = appleAuthority();
const windows = windowsAuthority();
const rcodesign = findTool("rcodesign");
const folder = mkdtempSync(join(tmpdir(), "erth-signed-"));
const dist = join(folder, "dist/0.1.0");

let stamps: TimestampAuthority;
let manifest: Manifest;
let printed = "";

/** Signed keys are encrypted PEM, as CI secrets hold them. */
const encrypted = ({ key, chainPem }: (typeof apple)["application"]): string =>
  key.export({ format: "pem", type: "pkcs8", cipher: "aes-256-cbc", passphrase: PASSWORD }) + chainPem;
const env = {
  MAC_KEY: encrypted(apple.application),
  WINDOWS_KEY: Buffer.from(encrypted(windows.leaf)).toString("base64"),
  KEY_PASSWORD: PASSWORD,
};

/** Runs `erth` beside this process, which has to answer it; everything that it prints is kept. */
async function erth(...args: readonly string[]): Promise<number | null> {
  const child = spawn(process.execPath, [join(ROOT, "build/cli/main.ts"), ...args, "--config", folder], {
    cwd: folder,
    env: { ...process.env, ...env, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (output += data.toString()));
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  printed += output;
  if (status !== 0 && args[0] === "release") throw new Error(output);
  return status;
}

function writeConfig(signing: object): void {
  const app = join(ROOT, "app");
  writeFileSync(
    join(folder, "erth.config.json"),
    JSON.stringify({
      app: {
        name: "ERTH Assistant",
        identifier: "dev.erth.assistant",
        version: "0.1.0",
        publisher: "ERTH",
        icon: join(app, "icons/icon.svg"),
      },
      shell: { kind: "webview", entry: join(app, "shell/main.ts") },
      sidecar: { kind: "pkg", entry: join(app, "sidecar/main.ts") },
      database: { migrations: join(app, "migrations") },
      signing,
    }),
  );
}

beforeAll(async () => {
  stamps = await startTimestampAuthority({ time: new Date() });
  copyFileSync(join(ROOT, "app/erth.lock.json"), join(folder, "erth.lock.json"));
  writeConfig({
    apple: { key: { env: "MAC_KEY", passwordEnv: "KEY_PASSWORD" }, timestamp: stamps.url },
    windows: { key: { env: "WINDOWS_KEY", passwordEnv: "KEY_PASSWORD" }, timestamp: stamps.url },
  });
  await erth("release", "--fast", "--target", "darwin-arm64,win32-x64", "--out", join(folder, "dist"));
  const read = await readManifest(join(dist, "manifest.json"));
  if (read === undefined) throw new Error("no release was made");
  manifest = read;
  for (const { path, target } of manifest.artifacts) {
    mkdirSync(join(folder, target));
    execFileSync("unzip", ["-q", join(dist, path), "-d", join(folder, target)]);
  }
});
afterAll(async () => {
  await stamps.close();
  rmSync(folder, { recursive: true, force: true });
});

const macApp = (): string => join(folder, "darwin-arm64/ERTH Assistant.app");
const windowsApp = (): string => join(folder, "win32-x64/ERTH Assistant");

test("the manifest says who signed what, and nobody is warned of unsigned files", () => {
  expect(manifest.artifacts.map(({ target, signedBy }) => [target, signedBy])).toEqual([
    ["darwin-arm64", "Developer ID Application: Erth Test (ERTH123456)"],
    ["win32-x64", "Erth Test Publisher"],
  ]);
  for (const { codeSignature } of manifest.artifacts) expect(codeSignature?.timestamp).toMatch(/^20\d\d-/);
  expect(printed).not.toContain("for testing, not for users");
});

test("macOS: every page, seal, requirement, timestamp and entitlement holds, for our own reader", async () => {
  const trustedRoots = [parseCertificate(apple.root.der).fingerprint];
  expect(await verifyApp({ app: macApp(), policy: "notarizable", trustedRoots })).toEqual([]);
});

test.skipIf(rcodesign === undefined)("macOS: rcodesign finds no problem in any program of the app", () => {
  for (const name of ["erth-assistant", "bun", "erth-assistant-sidecar", "libwebview.dylib"]) {
    const { status, output } = runTool(rcodesign, ["verify", join(macApp(), "Contents/MacOS", name)], folder);
    expect([name, status, output]).toEqual([name, 0, expect.stringContaining("no problems detected!")]);
  }
});

test("Windows: our programs are ours, and Bun keeps its makers' signature", async () => {
  const signerOf = async (file: string): Promise<string | undefined> => {
    const { problems, signatures } = await verifyPe({ file: join(windowsApp(), file), now: new Date() });
    expect([file, problems]).toEqual([file, []]);
    return signatures[0]?.signer;
  };
  expect(await signerOf("ERTH Assistant.exe")).toBe("Erth Test Publisher");
  expect(await signerOf("bin/erth-assistant-sidecar.exe")).toBe("Erth Test Publisher");
  expect(await signerOf("bin/libwebview.dll")).toBe("Erth Test Publisher");
  expect(await signerOf("bin/bun.exe")).not.toBe("Erth Test Publisher");
});

test.skipIf(!hasOsslsigncode)("Windows: osslsigncode accepts what we signed, timestamp and all", async () => {
  const [root, time] = [join(folder, "root.pem"), join(folder, "time.pem")];
  writeFileSync(root, windows.root.certificatePem);
  writeFileSync(time, stamps.identity.chainPem);
  for (const file of ["ERTH Assistant.exe", "bin/erth-assistant-sidecar.exe", "bin/libwebview.dll"]) {
    const args = ["verify", "-CAfile", root, "-TSA-CAfile", time, join(windowsApp(), file)];
    const { text, isDone } = await runOsslsigncode("osslsigncode", args);
    expect([file, isDone], text).toEqual([file, true]);
    expect(text).not.toContain("MISMATCH");
  }
});

test("nothing changed: nothing is signed again", async () => {
  const before = stamps.requests.length;
  const sums = readFileSync(join(dist, "SHA256SUMS"), "utf8");
  await erth("release", "--fast", "--target", "darwin-arm64,win32-x64", "--out", join(folder, "dist"));
  // One timestamp for each system's preflight.
  expect(stamps.requests.length).toBe(before + 2);
  expect(readFileSync(join(dist, "SHA256SUMS"), "utf8")).toBe(sums);
});

test("doctor finds nothing; with a wrong password it ends with 4, and a release with 1 before anything is built", async () => {
  expect(await erth("doctor", "signing", "--json")).toBe(0);
  env.KEY_PASSWORD = "hunter2-wrong";
  expect(await erth("doctor", "signing")).toBe(4);
  await expect(erth("release", "--fast", "--target", "darwin-arm64")).rejects.toThrow(/KEY_PASSWORD/);
  env.KEY_PASSWORD = PASSWORD;
});

test("no secret is in anything that was printed or written", () => {
  const lines = (text: string): readonly string[] =>
    text.split("\n").filter((line) => /^[A-Za-z0-9+/]{64}$/.test(line));
  const secrets = ["hunter2", ...lines(env.MAC_KEY).slice(0, 20), env.WINDOWS_KEY.slice(0, 400)];
  const written = ["manifest.json", "SHA256SUMS"].map((name) => readFileSync(join(dist, name), "utf8")).join("");
  for (const secret of secrets) {
    expect(printed).not.toContain(secret);
    expect(written).not.toContain(secret);
  }
});
