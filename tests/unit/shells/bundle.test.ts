/** The shell bundles: their first line, their size, no trace of the machine, the same bytes anywhere. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { ShellKind } from "../../../build/config/resolved-config.ts";
import { bundleShell } from "../../../build/shells/bundle.ts";

const root = mkdtempSync(join(tmpdir(), "erth-bundle-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const repository = join(import.meta.dirname, "../../..");
const sdkFolder = join(repository, "node_modules/electrobun");

function readAll(folder: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [name, readFileSync(join(folder, name), "utf8")]),
  );
}

async function bundleIn(folder: string, kind: ShellKind, sdk = sdkFolder): Promise<Readonly<Record<string, string>>> {
  const outFolder = join(root, folder);
  await bundleShell({ kind, entry: join(repository, "app/shell/main.ts"), outFolder, sdkFolder: sdk });
  return readAll(outFolder);
}

test.each([
  ["webview", ["main.js", "window-worker.js", "window.js"], 60_000],
  ["electrobun", ["index.js"], 300_000],
] as const)("%s", async (kind, names, limit) => {
  const files = await bundleIn(`first-${kind}`, kind);
  expect(Object.keys(files)).toEqual(names);
  for (const text of Object.values(files)) {
    // Bun must not transpile these again and cache environment values.
    expect(text.split("\n")[0]).toBe("// @bun");
    expect(text.length).toBeLessThan(limit);
    expect(text).not.toContain(repository);
    expect(text).not.toContain(root);
    expect(text).not.toMatch(/babylon.*babylon.*babylon/is);
  }
});

test("the same bytes from an SDK in another folder", async () => {
  const elsewhere = join(root, "deep/er/sdk");
  cpSync(sdkFolder, elsewhere, { recursive: true });
  expect(await bundleIn("second-electrobun", "electrobun", elsewhere)).toEqual(
    await bundleIn("third-electrobun", "electrobun"),
  );
});

test("a mistake in the app's own entry is told with file and line", async () => {
  const entry = join(root, "bad.ts");
  writeFileSync(entry, 'import { nothing } from "./missing.ts";\nnothing(;\n');
  await expect(
    bundleShell({ kind: "webview", entry, outFolder: join(root, "bad"), sdkFolder: undefined }),
  ).rejects.toMatchObject({ code: "SHELL_BUNDLE", message: expect.stringMatching(/bad\.ts:2:8/) });
});

test("an entry reached through a link gives the same bytes", async () => {
  const link = join(root, "linked");
  symlinkSync(repository, link);
  const outFolder = join(root, "through-link");
  await bundleShell({ kind: "webview", entry: join(link, "app/shell/main.ts"), outFolder, sdkFolder: undefined });
  expect(readAll(outFolder)).toEqual(await bundleIn("plain", "webview"));
});
