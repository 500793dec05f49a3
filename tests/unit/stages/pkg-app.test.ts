import { mkdir, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { withFileRange } from "../../../build/formats/byte-range.ts";
import { readPkg } from "../../../build/formats/pkg-reader.ts";
import { pkgApp } from "../../../build/stages/package/pkg-app.ts";
import type { TargetContext } from "../../../build/stages/stage.ts";
import { packageSmallApp, type SmallAppOptions } from "../../integration/stub/small-app.ts";
import { fakeConfig } from "../../support/fake-config.ts";
import { scratchFolder } from "../../support/scratch.ts";

const PLIST = `<plist version="1.0"><dict>
  <key>CFBundleShortVersionString</key><string>1.2.3</string>
  <key>CFBundleVersion</key><string>1.2.3-beta.1</string>
  <key>LSMinimumSystemVersion</key><string>14.0</string>
</dict></plist>`;

function asPkg(options: SmallAppOptions = {}) {
  return packageSmallApp({
    target: "darwin-x64",
    format: "pkg",
    parts: { "Contents/Info.plist": "app code", ...options.parts },
    ...options,
    change: async (root) => {
      await mkdir(join(root, "Contents"), { recursive: true });
      await writeFile(join(root, "Contents/Info.plist"), PLIST);
      await options.change?.(root);
    },
  });
}

function settings(change: Partial<ReturnType<typeof fakeConfig>["package"]["pkg"]>) {
  const { package: plain } = fakeConfig("/");
  return { ...plain, pkg: { ...plain.pkg, ...change } };
}

async function scriptsFolder(scripts: Readonly<Record<string, string>>): Promise<string> {
  const folder = await scratchFolder();
  for (const [name, text] of Object.entries(scripts)) await writeFile(join(folder, name), text);
  return folder;
}

async function problemsOf(change: Parameters<typeof settings>[0]): Promise<readonly string[]> {
  const config = { ...fakeConfig("/"), package: settings(change) };
  // Nothing else of the context is read before a build.
  const problems = await pkgApp.preflight?.({ config } as TargetContext);
  return (problems ?? []).map(({ code, message }) => `${code} ${message}`);
}

test("the parts add up to the package, and its facts come from config, plan and Info.plist", async () => {
  const { path, facts } = await asPkg({ ballastBytes: 300_000 });
  expect(facts.format).toBe("pkg");
  const sum = Object.values(facts.compressedBytes).reduce((a, b) => a + b, 0);
  expect(sum).toBe((await stat(path)).size);
  expect(facts.compressedBytes.natives).toBeGreaterThan(300_000);
  expect(facts.compressedBytes.container).toBeGreaterThan(1000);
  expect(await readdir(dirname(path))).toEqual(["plain-notes-1.2.3-darwin-x64.pkg"]);
  const { problems, distribution, components } = await withFileRange(path, readPkg);
  expect(problems).toEqual([]);
  for (const fact of [
    "<title>Plain Notes</title>",
    'hostArchitectures="x86_64"',
    '<os-version min="14.0"/>',
    'customLocation="/Applications"',
    'CFBundleShortVersionString="1.2.3" CFBundleVersion="1.2.3-beta.1" id="dev.example.notes"',
  ])
    expect(distribution).toContain(fact);
  expect(components[0]?.packageInfo).toContain('install-location="/Applications"');
  expect(components[0]?.packageInfo).not.toContain("<scripts>");
});

test("domain, place and scripts as configured; a script is executable even where the host says nothing of it", async () => {
  const scripts = await scriptsFolder({ preinstall: "#!/bin/sh\n", "data.txt": "x" });
  const { path } = await asPkg({
    package: settings({ scripts, domain: "user", installLocation: "/Applications/Ours" }),
  });
  const { distribution, components } = await withFileRange(path, readPkg);
  expect(distribution).toContain('enable_currentUserHome="true" enable_localSystem="false"');
  expect(components[0]?.packageInfo).toContain('install-location="/Applications/Ours"');
  expect(components[0]?.packageInfo).toContain('<preinstall file="./preinstall" timeout="600"/>');
});

test("a link that leaves the app is refused", async () => {
  await expect(asPkg({ change: (root) => symlink("/etc", join(root, "etc")) })).rejects.toMatchObject({
    code: "PACKAGE_LINK",
  });
});

test("scripts that Installer would not find or could not start are told before the build", async () => {
  expect(await problemsOf({})).toEqual([]);
  expect(await problemsOf({ scripts: await scriptsFolder({ postinstall: "#!/bin/sh\n" }) })).toEqual([]);
  expect(await problemsOf({ scripts: await scriptsFolder({ "post-install": "#!/bin/sh\n" }) })).toEqual([
    expect.stringMatching(/^PKG_SCRIPTS .* has neither a file preinstall nor a file postinstall\.$/),
  ]);
  expect(await problemsOf({ scripts: await scriptsFolder({ postinstall: "exit 0\n" }) })).toEqual([
    expect.stringMatching(/^PKG_SCRIPTS .*postinstall does not begin with #!/),
  ]);
});

test.skipIf(process.platform === "darwin")("pkgbuild is refused off a Mac", async () => {
  expect(await problemsOf({ tool: "pkgbuild" })).toEqual([expect.stringMatching(/^PKG_TOOL /)]);
});
