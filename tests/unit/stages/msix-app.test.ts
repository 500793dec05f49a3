import { mkdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { withFileRange } from "../../../build/formats/byte-range.ts";
import { readMsix } from "../../../build/formats/msix-reader.ts";
import { msixApp } from "../../../build/stages/package/msix-app.ts";
import type { TargetContext } from "../../../build/stages/stage.ts";
import { ProblemsError } from "../../../runtime/base/errors.ts";
import { packageSmallApp, type SmallAppOptions } from "../../integration/stub/small-app.ts";
import { fakeConfig } from "../../support/fake-config.ts";

/** The small app without its link, which no app package holds. */
function asMsix(options: SmallAppOptions = {}) {
  return packageSmallApp({
    target: "win32-x64",
    format: "msix",
    args: [],
    ...options,
    change: async (root) => {
      await rm(join(root, "bin/link"));
      await options.change?.(root);
    },
  });
}

function settings(change: Partial<ReturnType<typeof fakeConfig>["package"]["msix"]>) {
  const { package: plain } = fakeConfig("/");
  return { ...plain, msix: { ...plain.msix, ...change } };
}

async function problemsOf(
  app: Partial<ReturnType<typeof fakeConfig>["app"]>,
  msix: Parameters<typeof settings>[0] = {},
  more: Partial<ReturnType<typeof settings>> = {},
): Promise<readonly string[]> {
  const plain = fakeConfig("/");
  const config = { ...plain, app: { ...plain.app, ...app }, package: { ...settings(msix), ...more } };
  // Nothing else of the context is read before a build.
  const problems = await msixApp.preflight?.({ config } as TargetContext);
  return (problems ?? []).map(({ code, message }) => `${code} ${message}`);
}

/** What is said of an app with these files, or of one that is changed otherwise. */
async function refusal(files: readonly string[], change?: (root: string) => Promise<void>): Promise<readonly string[]> {
  const write = async (root: string): Promise<void> => {
    for (const path of files) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), "x");
    }
    await change?.(root);
  };
  const parts = Object.fromEntries(files.map((path) => [path, "app code" as const]));
  const error: unknown = await asMsix({ change: write, parts }).catch((thrown: unknown) => thrown);
  if (!(error instanceof ProblemsError)) throw error;
  return error.problems.map(({ code, message }) => `${code} ${message}`);
}

test("the parts add up to the package, and its facts come from config and app", async () => {
  const { path, facts } = await asMsix({ ballastBytes: 300_000 });
  expect(facts.format).toBe("msix");
  expect(Object.values(facts.compressedBytes).reduce((a, b) => a + b, 0)).toBe((await stat(path)).size);
  expect(facts.compressedBytes.natives).toBeGreaterThanOrEqual(300_000);
  expect(facts.compressedBytes.container).toBeGreaterThan(1000);
  const { problems, entries, manifest, isSigned } = await withFileRange(path, readMsix);
  expect(problems).toEqual([]);
  expect(isSigned).toBe(false);
  expect(entries.map((entry) => entry.path)).toEqual([
    "ballast",
    "bin/start",
    "version 漢字.txt",
    "Assets/StoreLogo.png",
    "Assets/Square44x44Logo.png",
    "Assets/Square150x150Logo.png",
    "AppxManifest.xml",
  ]);
  for (const fact of [
    '<Identity Name="dev.example.notes" Publisher="CN=Example" Version="1.2.3.0" ProcessorArchitecture="x64"/>',
    "<DisplayName>Plain Notes</DisplayName>",
    "<PublisherDisplayName>Example</PublisherDisplayName>",
    'Executable="bin\\start"',
  ])
    expect(manifest).toContain(fact);
});

test("identity, publisher and version as the Store dictates them", async () => {
  const msix = { identityName: "1234Example.Notes", publisher: "CN=A1B2", version: "7.0.1.0" };
  const { path } = await asMsix({ package: settings(msix) });
  expect((await withFileRange(path, readMsix)).manifest).toContain(
    'Name="1234Example.Notes" Publisher="CN=A1B2" Version="7.0.1.0"',
  );
});

test("URL schemes and file types are those of the Windows installers", async () => {
  const plain = settings({});
  const fileTypes = [{ extension: "Note", description: "Notes & more" }];
  const setup = { ...plain.setup, protocols: ["plain-notes"], fileTypes };
  const { path } = await asMsix({ package: { ...plain, setup } });
  const { manifest } = await withFileRange(path, readMsix);
  for (const fact of ['<uap:Protocol Name="plain-notes"/>', "<uap:FileType>.note</uap:FileType>", "Notes &amp; more"])
    expect(manifest).toContain(fact);
});

test("whatever Windows would not take is refused, every path of it at once", async () => {
  const long = `${"long folder name/".repeat(17)}last`;
  const files = [long, "aux.js", "appxmanifest.xml", "what?.txt"];
  expect(await refusal(files, (root) => symlink("start", join(root, "bin/alias")))).toEqual([
    expect.stringMatching(/^MSIX_NAME appxmanifest\.xml cannot be in an app package: it is the package's own file\./),
    expect.stringMatching(/^MSIX_NAME aux\.js .* name of a device/),
    expect.stringMatching(/^MSIX_NAME long folder name.* has 293 characters; Windows takes 260/),
    expect.stringMatching(/^MSIX_NAME what\?\.txt .* a character that Windows takes in no name/),
    "MSIX_LINK bin/alias is a link (to start), and an app package has none.",
  ]);
});

test("what the config lacks is told before the build", async () => {
  expect(await problemsOf({})).toEqual([]);
  expect(await problemsOf({}, { identityName: "dev.example_notes" })).toEqual([
    expect.stringMatching(/^MSIX_IDENTITY "dev\.example_notes" cannot name an app package: it may have letters/),
  ]);
  expect(await problemsOf({ version: "1.2.3-beta.1" })).toEqual([
    expect.stringMatching(/^MSIX_VERSION 1\.2\.3-beta\.1 is a prerelease/),
  ]);
  expect(await problemsOf({ version: "1.2.3-beta.1" }, { version: "1.2.2.901" })).toEqual([]);
  expect(await problemsOf({ name: "100% Notes" })).toEqual([expect.stringMatching(/^MSIX_NAME "100% Notes" has a %/)]);
  const setup = {
    ...settings({}).setup,
    protocols: ["a".repeat(40)],
    fileTypes: [{ extension: "b".repeat(64), description: "B" }],
  };
  expect(await problemsOf({}, {}, { setup })).toEqual([
    expect.stringMatching(/^MSIX_NAME "a+" has 40 characters/),
    expect.stringMatching(/^MSIX_NAME "b+" has 64 characters/),
  ]);
});
