import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { encodeIco, ICO_SIZES } from "../../../../build/formats/ico.ts";
import { brandApp } from "../../../../build/stages/brand-app.ts";
import { signWindowsApp } from "../../../../build/stages/sign-windows-app.ts";
import { parseCertificate } from "../../../../signing/cms/certificate.ts";
import { verifyMsi } from "../../../../signing/windows/verify-msi.ts";
import { verifyPe } from "../../../../signing/windows/verify-pe.ts";
import { findTool } from "../../../parity/signing/apple/apple-tools.ts";
import { hasWine, wineWorld } from "../../../support/wine.ts";
import { smallPe } from "../../../unit/signing/windows/small-pe.ts";
import { lane } from "./lanes.ts";
import { appStageOf, iconsStageOf, KEY, material, only, signingRun, windows } from "./signing-run.ts";

const hasTools = ["makensis", "7z"].every((tool) => findTool(tool) !== undefined);
const icon = encodeIco(
  ICO_SIZES.map((size) => ({ size, rgba: new Uint8Array(size * size * 4), png: Buffer.alloc(200, size & 0xff) })),
);

async function signedInstaller(format: "setup" | "msi") {
  const run = await signingRun();
  run.env["CODE_KEY"] = material(windows.leaf);
  run.signing = { windows: { key: KEY, timestamp: run.stamps.url } };
  run.package = { formats: { win32: [format] }, compression: "fast" };
  const source = join(run.folder, "Source");
  await mkdir(source);
  await writeFile(join(source, "Notes.exe"), smallPe(), { mode: 0o755 });
  const launch = { executable: "Notes.exe", args: [], cwd: "", env: {} };
  const app = appStageOf(source, { bundleName: "Notes", launch, parts: { "Notes.exe": "shell runtime" } });
  const recipe = [app, iconsStageOf(icon), brandApp, signWindowsApp, ...lane(format)];
  const { result, manifest } = await run.run(recipe, "win32-x64");
  return { run, manifest, path: only(result, "win32-x64", "signed-installer").path };
}

test.skipIf(!hasTools)("a setup is signed, and so are the programs that it brings along", async () => {
  const { run, manifest, path } = await signedInstaller("setup");
  const settings = { trusted: [windows.root.der], now: run.stampedAt };
  const problemsOf = async (file: string) => (await verifyPe({ file, ...settings })).problems;
  expect(await problemsOf(path)).toEqual([]);
  expect(manifest.artifacts[0]).toMatchObject({ format: "setup", signedBy: "Erth Test Publisher" });

  const parts = join(run.folder, "parts");
  execFileSync("7z", ["x", "-bd", "-y", `-o${parts}`, path], { stdio: "ignore" });
  expect(await problemsOf(join(parts, "$PLUGINSDIR/payload.exe"))).toEqual([]);
  if (!hasWine) return;
  const world = await wineWorld();
  const setup = await world.bring(path, "setup.exe");
  expect(await world.run(setup, ["/S", "/NOWEBVIEW2"])).toEqual({ code: 0, output: "" });
  const folder = "C:\\users\\root\\AppData\\Local\\Programs\\sample-app";
  const uninstaller = join(run.folder, "installed.exe");
  await writeFile(uninstaller, await readFile(world.host(`${folder}\\Uninstall.exe`)));
  expect(await problemsOf(uninstaller)).toEqual([]);
  // NSIS checks itself by a sum of its own, which the signature must not have broken.
  expect((await world.run(`${folder}\\Uninstall.exe`, ["/S"])).code).toBe(0);
});

test("an .msi is signed", async () => {
  const { run, manifest, path } = await signedInstaller("msi");
  const trusted = [parseCertificate(windows.root.der)];
  expect((await verifyMsi(path, { trusted, now: run.stampedAt })).problems).toEqual([]);
  expect(manifest.artifacts[0]).toMatchObject({ format: "msi", signedBy: "Erth Test Publisher" });
});
