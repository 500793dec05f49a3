/**
 * What a release costs: cold, with nothing changed, and with app code changed,
 * for linux-x64 and for all five targets; what each file weighs with either
 * kind of sidecar; beside the tools a user would pick instead, in the same run.
 * Runtimes are fetched before the clock starts.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { renderTable } from "../../build/cli/report/table.ts";
import { formatSize } from "../../build/config/size.ts";
import { bundleSidecar } from "../../build/sidecars/bundle.ts";
import type { Manifest } from "../../build/artifacts/manifest.ts";
import { emptyCache } from "../e2e/support/project.ts";
import { measure, type Measured } from "./support/measure.ts";

const ROOT = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "erth-bench-"));
const project = join(folder, "project");
const cache = emptyCache(join(folder, "cache"));
const node = process.execPath;

for (const name of ["app", "runtime", "build", "signing", "package.json", "tsconfig.json"])
  cpSync(join(ROOT, name), join(project, name), { recursive: true });
symlinkSync(join(ROOT, "node_modules"), join(project, "node_modules"));

const rows: string[][] = [];
const add = (what: string, run: Measured, size?: number): void => {
  rows.push([
    what,
    `${run.seconds.toFixed(1)} s`,
    formatSize(run.peakBytes),
    size === undefined ? "" : formatSize(size),
  ]);
  process.stderr.write(`${what}: ${run.seconds.toFixed(1)} s\n`);
};
const release = (target: string): Promise<Measured> =>
  measure(node, ["build/cli/erth.mjs", "release", "--config", "app/erth.config.ts", "--target", target, "--quiet"], {
    cwd: project,
    env: { ERTH_CACHE: cache },
  });
let changes = 0;
const changeApp = (): void => {
  const page = join(project, "app/ui/page.tsx");
  changes += 1;
  writeFileSync(page, `${readFileSync(page, "utf8")}\nconsole.debug("benchmark ${changes}");\n`);
};
const manifest = (): Manifest =>
  JSON.parse(readFileSync(join(project, "dist/0.1.0/manifest.json"), "utf8")) as Manifest;
const sizeOf = (target: string): number => manifest().artifacts.find((file) => file.target === target)?.bytes ?? 0;
const addFiles = (): void => {
  for (const file of manifest().artifacts)
    rows.push([`${file.target} (${file.format}, ${file.shell}, ${file.sidecar})`, "", "", formatSize(file.bytes)]);
};
/** The app folder of linux-x64 by zstd alone, on one thread. */
const measureFolder = async (what: string): Promise<void> => {
  const args = ["build", "--config", "app/erth.config.ts", "--target", "linux-x64", "--quiet"];
  await measure(node, ["build/cli/erth.mjs", ...args], { cwd: project, env: { ERTH_CACHE: cache } });
  const tar = join(folder, "app.tar");
  await measure("tar", ["-cf", tar, "-C", join(project, "dist/app/linux-x64/erth-assistant"), "."]);
  const run = await measure("zstd", ["-19", "-T1", "-q", "-f", tar, "-o", `${tar}.zst`]);
  add(what, run, statSync(`${tar}.zst`).size);
};
const forgetResults = (): void => {
  for (const name of ["stages", "pieces", "projects"]) rmSync(join(cache, name), { recursive: true, force: true });
  rmSync(join(project, "dist"), { recursive: true, force: true });
};

try {
  // Fetches every runtime that is not in this machine's cache yet.
  await measure(node, ["build/cli/erth.mjs", "build", "--config", "app/erth.config.ts", "--target", "all", "--quiet"], {
    cwd: project,
    env: { ERTH_CACHE: cache },
  });
  for (const target of ["linux-x64", "all"]) {
    forgetResults();
    add(`${target}: cold`, await release(target), target === "all" ? undefined : sizeOf(target));
    add(`${target}: nothing changed`, await release(target));
    changeApp();
    add(`${target}: app code changed`, await release(target));
  }
  addFiles();
  await measureFolder("zstd -19 of the same folder (pkg sidecar)");

  // The other kind of sidecar, for its sizes alone.
  const config = join(project, "app/erth.config.ts");
  writeFileSync(config, readFileSync(config, "utf8").replace('kind: "pkg"', 'kind: "bun"'));
  add("all: the other sidecar, runtimes compressed before", await release("all"));
  addFiles();

  // The same sidecar's script, without its addon, by tools on their own.
  await measureFolder("zstd -19 of the same folder (bun sidecar)");
  const script = join(folder, "sidecar.cjs");
  const { code } = await bundleSidecar({
    entry: join(ROOT, "app/sidecar/main.ts"),
    root: join(ROOT, "app"),
    identifier: "dev.erth.assistant",
    database: { schemaVersion: 0, migrations: [] },
    bunOnly: false,
  });
  writeFileSync(script, code);
  const packed = join(folder, "sidecar-pkg");
  const pkg = `require("@yao-pkg/pkg/lib-es5/sea").default(${JSON.stringify(script)}, { useLocalNode: true, targets: [{ nodeRange: "node26", platform: "linux", arch: "x64", output: ${JSON.stringify(packed)} }] })`;
  add("pkg alone, the sidecar's script", await measure(node, ["-e", pkg], { cwd: ROOT }), statSync(packed).size);
  const compiled = join(folder, "sidecar-bun");
  add(
    "bun build --compile alone, the sidecar's script",
    await measure(join(ROOT, "node_modules/.bin/bun"), ["build", "--compile", script, "--outfile", compiled]),
    statSync(compiled).size,
  );

  process.stdout.write(
    `\n${renderTable(["release", "time", "peak memory", "size"], rows, ["left", "right", "right", "right"])}`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
