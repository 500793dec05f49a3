/** A release as a whole: the same bytes anywhere, safe against kills, within its budget, quick when nothing changed. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, existsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sha256OfFile } from "../../build/artifacts/digest.ts";
import { readManifest } from "../../build/artifacts/manifest.ts";
import { erth } from "./support/built-app.ts";
import { copyProject, emptyCache } from "./support/project.ts";

const ROOT = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "erth-release-"));
const first = { config: "", out: join(folder, "one/out"), cache: "" };
const second = { config: "", out: join(folder, "two, elsewhere/out"), cache: "" };
const TARGETS = ["linux-x64", "darwin-arm64"] as const;

const args = (project: typeof first, ...more: readonly string[]): string[] =>
  ["package", "--config", project.config, "--out", project.out, "--fast", "--target", TARGETS.join(",")].concat(more);

interface Finished {
  readonly stage: string;
  readonly target: string;
  readonly cached: boolean;
}

function finishedStages(output: string): readonly Finished[] {
  const events = output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Finished & { readonly type: string });
  return events.filter((event) => event.type === "stage-finished");
}

beforeAll(() => {
  for (const project of [first, second]) {
    project.config = copyProject(join(project.out, ".."));
    project.cache = emptyCache(join(project.out, "../cache"));
  }
  erth(args(first), { ERTH_CACHE: first.cache });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the same sources give the same bytes in another folder with another cache", async () => {
  erth(args(second), { ERTH_CACHE: second.cache });
  const [one, two] = await Promise.all(
    [first, second].map(({ out }) => readManifest(join(out, "0.1.0/manifest.json"))),
  );
  expect(one?.artifacts.map(({ target }) => target).sort()).toEqual([...TARGETS].sort());
  expect(two).toEqual(one);
});

test("the manifest and SHA256SUMS say what the files are", async () => {
  const dist = join(first.out, "0.1.0");
  const manifest = await readManifest(join(dist, "manifest.json"));
  const sums = readFileSync(join(dist, "SHA256SUMS"), "utf8");
  for (const file of manifest?.artifacts ?? []) {
    expect(await sha256OfFile(join(dist, file.path))).toBe(file.sha256);
    expect(sums).toContain(`${file.sha256}  ${file.path}\n`);
    expect(Object.values(file.compressedBytes).reduce((sum, bytes) => sum + bytes, 0)).toBe(file.bytes);
  }
  expect(readdirSync(dist)).toHaveLength(2 + TARGETS.length);
});

test("a release with nothing changed does no work that was done before", () => {
  const stages = finishedStages(erth(args(first, "--json"), { ERTH_CACHE: first.cache }));
  const worked = new Set(stages.filter(({ cached }) => !cached).map(({ stage }) => stage));
  expect([...worked].sort()).toEqual(["shell-bundle", "sidecar-bundle"]);
});

test(
  "killed at any moment, the next run finishes the same release and nothing half-written was ever there",
  { timeout: 400_000 },
  async () => {
    const good = await readManifest(join(first.out, "0.1.0/manifest.json"));
    const killed = {
      config: first.config,
      out: join(folder, "killed/out"),
      cache: emptyCache(join(folder, "killed/cache")),
    };
    for (const afterMs of [300, 900, 1800, 3000, 5000, 8000]) {
      const child = spawn(process.execPath, [join(ROOT, "build/cli/main.ts"), ...args(killed)], {
        cwd: ROOT,
        env: { ...process.env, ERTH_CACHE: killed.cache },
        stdio: "ignore",
      });
      const timer = setTimeout(() => child.kill("SIGKILL"), afterMs);
      await new Promise((resolve) => child.on("exit", resolve));
      clearTimeout(timer);
      const dist = join(killed.out, "0.1.0");
      for (const name of existsSync(dist) ? readdirSync(dist) : []) {
        const whole = good?.artifacts.find(({ path }) => path === name);
        if (whole) expect(await sha256OfFile(join(dist, name))).toBe(whole.sha256);
      }
    }
    erth(args(killed), { ERTH_CACHE: killed.cache });
    expect(await readManifest(join(killed.out, "0.1.0/manifest.json"))).toEqual(good);
    expect(readdirSync(join(killed.out, "0.1.0")).filter((name) => name.endsWith(".part"))).toEqual([]);
    expect(readdirSync(join(killed.cache, "work"))).toEqual([]);
  },
);

test("Ctrl-C ends with 130, says how to go on, and leaves no work behind", async () => {
  const stopped = { ...first, out: join(folder, "stopped/out"), cache: emptyCache(join(folder, "stopped/cache")) };
  const child = spawn(process.execPath, [join(ROOT, "build/cli/main.ts"), ...args(stopped)], {
    cwd: ROOT,
    env: { ...process.env, ERTH_CACHE: stopped.cache },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let printed = "";
  let isStopped = false;
  child.stderr.on("data", (data: Buffer) => {
    printed += data.toString();
    // As soon as the first stage has finished, others are at work.
    if (printed.includes("✓") && !isStopped) isStopped = child.kill("SIGINT");
  });
  expect(await new Promise((resolve) => child.on("close", resolve))).toBe(130);
  expect(printed).toMatch(/error\[INTERRUPTED\] stopped by SIGINT\.\n {2}do {2}run the same command again/);
  expect(existsSync(join(stopped.out, "0.1.0"))).toBe(false);
  expect(readdirSync(join(stopped.cache, "work"))).toEqual([]);
});

test("over its budget a release ends with 3, names the part, and leaves the output folder as it was", () => {
  const out = join(folder, "tight/out");
  const project = copyProject(join(folder, "tight"));
  const config = readFileSync(project, "utf8").replace(/total: "[^"]*"/, 'total: "20 MB"');
  writeFileSync(project, config);
  let failure: { status?: number; stderr?: string } = {};
  try {
    erth(["release", "--config", project, "--out", out, "--fast", "--target", "linux-x64"], {
      ERTH_CACHE: first.cache,
    });
  } catch (error) {
    failure = error as typeof failure;
  }
  expect(failure.status).toBe(3);
  expect(failure.stderr).toMatch(/error\[SIZE_OVER_BUDGET\] .* over its budget of 20\.0 MB; .*(runtime|natives)/);
  expect(existsSync(join(out, "0.1.0"))).toBe(false);
});
