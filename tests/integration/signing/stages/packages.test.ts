/** Installer packages of both systems, from the finished app to the signed file, as the recipes make them. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { withFileRange } from "../../../../build/formats/byte-range.ts";
import { readMsix } from "../../../../build/formats/msix-reader.ts";
import { readPkg } from "../../../../build/formats/pkg-reader.ts";
import { MSIX_LOGO_SIZES } from "../../../../build/stages/icons.ts";
import { type Stage, targetStage } from "../../../../build/stages/stage.ts";
import { ProblemsError } from "../../../../runtime/base/errors.ts";
import { parseCertificate } from "../../../../signing/cms/certificate.ts";
import { windowsName } from "../../../../signing/windows/publisher-name.ts";
import { verifyMsix } from "../../../../signing/windows/verify-msix.ts";
import { lane } from "./lanes.ts";
import { apple, fileWith, KEY, material, NOTARIZE, only, signingRun, TICKET, windows } from "./signing-run.ts";

const SUBJECT = windowsName(parseCertificate(windows.leaf.der).subject);

/** A stage that has these files for a finished app, the first of which starts it, and logos. */
function finishedApp(bundleName: string, files: Readonly<Record<string, string>>): Stage {
  return targetStage({
    id: "assemble-app",
    version: 1,
    scope: "target",
    needs: [],
    makes: ["stapled-app", "icons"],
    reads: () => ({ values: { files } }),
    async run({ workFolder }) {
      const [path, icons] = [join(workFolder, "app"), join(workFolder, "icons")];
      await mkdir(icons);
      for (const size of Object.values(MSIX_LOGO_SIZES)) await writeFile(join(icons, `icon-${size}.png`), `${size}`);
      for (const [name, text] of Object.entries(files)) {
        await mkdir(dirname(join(path, name)), { recursive: true });
        await writeFile(join(path, name), text, { mode: 0o755 });
      }
      const [executable = ""] = Object.keys(files);
      const launch = { executable, args: [], cwd: "", env: {} };
      const parts = Object.fromEntries(Object.keys(files).map((name) => [name, "app code" as const]));
      const identity = { bundleName, identifier: "com.example.sample", shell: "webview", signedBy: null } as const;
      return [
        { kind: "stapled-app", path, facts: { ...identity, launch, parts } },
        { kind: "icons", path: icons, facts: { sizes: [] } },
      ];
    },
  });
}

const macApp = finishedApp("Sample App.app", {
  "Contents/MacOS/sample": "#!/bin/sh\n",
  "Contents/Info.plist":
    "<plist><dict><key>CFBundleVersion</key><string>1.2.3</string><key>CFBundleShortVersionString</key><string>1.2.3</string></dict></plist>",
});
const windowsApp = finishedApp("Sample App", { "Sample App.exe": "MZ", "bin/größe.dll": "library" });

async function windowsRun(publisher: string | undefined) {
  const run = await signingRun();
  run.env["CODE_KEY"] = material(windows.leaf);
  run.signing = { windows: { key: KEY, timestamp: run.stamps.url, url: "https://example.com" } };
  run.package = { formats: { win32: ["msix"] }, msix: publisher === undefined ? {} : { publisher } };
  return run;
}

test("a package for macOS is made, signed, notarized and stapled", async () => {
  const run = await signingRun();
  run.env["CODE_KEY"] = material(apple.application);
  run.env["INSTALLER_KEY"] = material(apple.installer);
  const installerKey = { env: "INSTALLER_KEY", passwordEnv: "CODE_PASSWORD" };
  run.signing = { apple: { key: KEY, installerKey, timestamp: run.stamps.url, notarize: NOTARIZE } };
  run.package = { formats: { darwin: ["pkg"] } };
  const { result, manifest } = await run.run([macApp, ...lane("pkg")], "darwin-arm64");
  const stapled = only(result, "darwin-arm64", "stapled-installer");
  expect((await readFile(stapled.path)).includes(TICKET)).toBe(true);
  expect((await withFileRange(stapled.path, readPkg)).problems).toEqual([]);
  expect(manifest.artifacts[0]).toMatchObject({
    signedBy: expect.stringMatching(/^Developer ID Installer/),
    notarization: { state: "stapled" },
    sha256: stapled.sha256,
  });
  expect(await fileWith(run.folder, run.secrets())).toBeUndefined();
});

test("an app package of Windows is made and signed; a second run does nothing", async () => {
  const run = await windowsRun(SUBJECT);
  const { result, manifest } = await run.run([windowsApp, ...lane("msix")], "win32-x64");
  const { path, facts } = only(result, "win32-x64", "signed-installer");
  const verified = await verifyMsix({ file: path, trusted: [windows.root.der], now: run.stampedAt });
  expect(verified.problems).toEqual([]);
  expect(verified.signature).toMatchObject({ description: "Sample App", url: "https://example.com" });
  const { problems, entries, manifest: appx } = await withFileRange(path, readMsix);
  expect(problems).toEqual([]);
  expect(entries.map((entry) => entry.path)).toContain("bin/größe.dll");
  expect(appx).toContain('Name="com.example.sample"');
  const bytes = Object.values(facts.compressedBytes).reduce((sum, count) => sum + count, 0);
  expect(manifest.artifacts[0]).toMatchObject({
    signedBy: "Erth Test Publisher",
    signature: { timestamp: run.stampedAt.toISOString() },
    bytes,
  });
  expect(await fileWith(run.folder, run.secrets())).toBeUndefined();
  run.events.length = 0;
  await run.run([windowsApp, ...lane("msix")], "win32-x64");
  expect(run.events.filter(({ type }) => type === "stage-started")).toEqual([]);
});

test("a publisher that is not the certificate's is told before anything is built", async () => {
  const run = await windowsRun(undefined);
  const failure: unknown = await run.run([windowsApp, ...lane("msix")], "win32-x64").catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ProblemsError);
  expect((failure as ProblemsError).problems).toEqual([
    {
      code: "MSIX_PUBLISHER",
      message: `The package's publisher is CN=Example Ltd, and its certificate's subject ${SUBJECT}; Windows takes no package in which they differ.`,
      remedy: `write package: { msix: { publisher: ${JSON.stringify(SUBJECT)} } }, then erth package --format msix`,
    },
  ]);
  expect(run.events.filter(({ type }) => type === "stage-started")).toEqual([]);
});

test("without a key the package stays unsigned, for the Store", async () => {
  const run = await windowsRun(undefined);
  run.signing = {};
  const { result, manifest } = await run.run([windowsApp, ...lane("msix")], "win32-x64");
  const { path } = only(result, "win32-x64", "installer");
  expect((await withFileRange(path, readMsix)).isSigned).toBe(false);
  expect(manifest.artifacts[0]?.signedBy).toBeNull();
});
