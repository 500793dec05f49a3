/** The finished app folders of both shells for all five targets: names, modes, parts and metadata. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { ShellKind } from "../../../build/config/resolved-config.ts";
import { executableSuffix, TARGETS } from "../../../build/plan/target.ts";
import { assemble, listing, placeholderVendor, writeTree } from "../../fixtures/stub-core/assemble.ts";

const root = mkdtempSync(join(tmpdir(), "erth-layouts-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const sdkFolder = join(import.meta.dirname, "../../../node_modules/electrobun");
const entry = join(import.meta.dirname, "../../fixtures/stub-core/entry.ts");
const shells: readonly ShellKind[] = ["webview", "electrobun"];
const METADATA = /(\.json|\.plist|\.desktop|PkgInfo)$/;

for (const shell of shells) {
  for (const target of TARGETS) {
    test(`${shell} on ${target}`, async () => {
      const scratch = join(root, `${shell}-${target}`);
      const suffix = executableSuffix(target);
      const sidecar =
        target === "linux-arm64"
          ? {
              kind: "bun" as const,
              entry: "main.js",
              files: { "main.js": "// @bun\n", "natives/libsql.node": "addon" },
            }
          : {
              kind: "pkg" as const,
              entry: `stub-app-sidecar${suffix}`,
              files: { [`stub-app-sidecar${suffix}`]: "sidecar" },
              segments: {
                [`stub-app-sidecar${suffix}`]: [
                  { part: "sidecar runtime" as const, offset: 0, length: 4 },
                  { part: "app code" as const, offset: 4, length: 3 },
                ],
              },
            };
      const { folder, facts } = await assemble({
        scratch,
        target,
        shell,
        entry,
        sidecar,
        vendor: placeholderVendor(join(scratch, "vendor"), target, sdkFolder),
        launcherFolder: writeTree(join(scratch, "launchers"), { [`${target}${suffix}`]: "launcher" }),
        app: { name: 'Stub "App" & 試 🎉', slug: "stub-app" },
      });
      const files = listing(folder);
      const named = files.filter((line) => !line.endsWith("/")).map((line) => line.slice(0, line.lastIndexOf(" ")));
      expect(Object.keys(facts.parts).sort()).toEqual(named);
      const metadata = named
        .filter((path) => METADATA.test(path))
        .map((path) => `=== ${path}\n${readFileSync(join(folder, path), "utf8")}`);
      const dump = [JSON.stringify(facts, undefined, 2), ...files, ...metadata].join("\n");
      await expect(dump).toMatchFileSnapshot(`${shell}-${target}.txt`);
    });
  }
}
