/** The edits to ElectroBun's SDK, and what happens where the SDK is not the one they were written for. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bundleShell } from "../../../build/shells/bundle.ts";
import { editSdkFile } from "../../../build/shells/electrobun-bundle.ts";

const root = mkdtempSync(join(tmpdir(), "erth-sdk-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const sdk = join(import.meta.dirname, "../../../node_modules/electrobun");
const entry = join(import.meta.dirname, "../../fixtures/stub-core/entry.ts");
const sdkFile = (name: string): string => readFileSync(join(sdk, "dist/api/bun", name), "utf8");

function changedSdk(name: string, change: (text: string) => string, file: string): string {
  const folder = join(root, name);
  cpSync(sdk, folder, { recursive: true });
  writeFileSync(join(folder, file), change(readFileSync(join(folder, file), "utf8")));
  return folder;
}

test("the published files lose their top-level awaits", () => {
  for (const name of ["core/BrowserView.ts", "core/BrowserWindow.ts"]) {
    expect(sdkFile(name)).toMatch(/^const \w+ = await /m);
    expect(editSdkFile(name, sdkFile(name))).not.toMatch(/^const \w+ = await /m);
  }
  expect(editSdkFile("core/Socket.ts", sdkFile("core/Socket.ts"))).toContain('hostname: "127.0.0.1"');
});

test("a file that needs no edit stays as it is", () => {
  expect(editSdkFile("core/Tray.ts", sdkFile("core/Tray.ts"))).toBe(sdkFile("core/Tray.ts"));
});

test("text that is gone, doubled or new stops the build", () => {
  const view = sdkFile("core/BrowserView.ts");
  const line = "const buildConfig = await BuildConfig.get();";
  expect(() => editSdkFile("core/BrowserView.ts", view.replace(line, ""))).toThrow("0 times, expected once");
  expect(() => editSdkFile("core/BrowserView.ts", `${view}\n${line}`)).toThrow("2 times, expected once");
  expect(() => editSdkFile("core/Tray.ts", "export const x = await import('./y');")).toThrow(/top-level await/);
});

test("another version, and a changed file inside the right version, are errors with a remedy", async () => {
  const outFolder = join(root, "out");
  const version = changedSdk("v2", (text) => text.replace('"1.18.1"', '"2.0.1"'), "package.json");
  const request = { kind: "electrobun" as const, entry, outFolder };
  await expect(bundleShell({ ...request, sdkFolder: version })).rejects.toMatchObject({
    code: "ELECTROBUN_SDK",
    message: expect.stringContaining("2.0.1"),
    remedy: expect.stringContaining("erth lock"),
  });
  const changed = changedSdk(
    "changed",
    (text) => text.replace("await BuildConfig", "await  BuildConfig"),
    "dist/api/bun/core/BrowserWindow.ts",
  );
  await expect(bundleShell({ ...request, sdkFolder: changed })).rejects.toMatchObject({ code: "ELECTROBUN_SDK" });
  await expect(bundleShell({ ...request, sdkFolder: join(root, "nowhere") })).rejects.toMatchObject({
    code: "ELECTROBUN_SDK",
  });
});
