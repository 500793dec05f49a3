/** The `bun` sidecar, built here and run by the Bun of `node_modules` with nothing else of the project in reach. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SEED, buildSidecar, runSidecar, type SidecarBuild } from "./sidecar-build.ts";

const bun = fileURLToPath(new URL("../../../node_modules/bun/bin/bun.exe", import.meta.url));

describe.skipIf(process.platform !== "linux" || process.arch !== "x64")("linux-x64 host: bun sidecar", () => {
  const scratch = mkdtempSync(join(tmpdir(), "erth-bun-"));
  let built: SidecarBuild;
  beforeAll(async () => {
    built = await buildSidecar({ folder: join(scratch, "one"), kind: "bun" });
  });
  afterAll(() => rmSync(scratch, { recursive: true }));

  test("the folder is script, addon and seed, each a part of its own", () => {
    expect(readdirSync(built.folder, { recursive: true, encoding: "utf8" }).sort((a, b) => (a < b ? -1 : 1))).toEqual([
      "main.js",
      "natives",
      "natives/libsql.node",
      "seed.db",
    ]);
    const parts = Object.entries(built.facts.segments).map(([name, segments]) => [
      name,
      segments.map(({ part }) => part),
    ]);
    expect(Object.fromEntries(parts)).toEqual({
      "main.js": ["app code"],
      "natives/libsql.node": ["natives"],
      "seed.db": ["database"],
    });
    expect(built.facts).toMatchObject({ kind: "bun", entry: "main.js" });
  });

  test("it runs from a moved, non-ASCII folder and writes nothing, neither there nor at home", async () => {
    const app = join(scratch, "app só 日本 🌱");
    const home = join(scratch, "hême");
    const cwd = join(scratch, "nowhere");
    cpSync(built.folder, app, { recursive: true });
    for (const folder of [home, cwd]) mkdirSync(folder);
    const before = readdirSync(app, { recursive: true });
    const printed = await runSidecar(bun, [join(app, "main.js")], { cwd, home });
    expect(printed).toMatchObject({
      // Bun reads a finished script byte by byte: this fails unless the bundle is ASCII.
      title: "ärger 日本 🌱",
      seedBytes: SEED.length,
      schemaVersion: 1,
      runtime: "bun 1.3.13",
      libsql: [join(app, "natives", "libsql.node")],
    });
    expect(readdirSync(app, { recursive: true })).toEqual(before);
    // Without its mark, Bun would transpile the script and keep the result, with environment values in it.
    expect(readdirSync(home)).toEqual([]);
  });

  test("same inputs, same bytes", async () => {
    const again = await buildSidecar({ folder: join(scratch, "two"), kind: "bun" });
    for (const name of Object.keys(built.facts.segments)) {
      expect(readFileSync(join(again.folder, name)).equals(readFileSync(join(built.folder, name))), name).toBe(true);
    }
  });
});
