/** A release as a whole: the same bytes anywhere, safe against kills, within its budget, quick when nothing changed. */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, existsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
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
const canMount = spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "none", "/tmp"]).status === 0;

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

/** A moment of a run, as its events tell it: each stage's beginning, its first progress, and the end of packing. */
function momentOf({ type, stage = "" }: { readonly type: string; readonly stage?: string }): string | undefined {
  const isEnd = type === "stage-finished" && stage.startsWith("package");
  return isEnd || type === "stage-started" || type === "progress" ? `${type} ${stage}` : undefined;
}

/** Runs `erth package` and kills it at the first moment that is new; undefined when the run came to its end before that. */
async function killAtNewMoment(project: typeof first, seen: ReadonlySet<string>): Promise<string | undefined> {
  const child = spawn(process.execPath, [join(ROOT, "build/cli/main.ts"), ...args(project, "--json")], {
    cwd: ROOT,
    env: { ...process.env, ERTH_CACHE: project.cache },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let moment: string | undefined;
  createInterface({ input: child.stdout }).on("line", (line) => {
    const found = momentOf(JSON.parse(line) as { type: string; stage?: string });
    if (moment !== undefined || found === undefined || seen.has(found)) return;
    moment = found;
    child.kill("SIGKILL");
  });
  await new Promise((resolve) => child.on("close", resolve));
  return moment;
}

test(
  "killed at every stage, the next run goes on, and nothing half-written was ever there",
  { timeout: 600_000 },
  async () => {
    const good = await readManifest(join(first.out, "0.1.0/manifest.json"));
    const killed = {
      config: first.config,
      out: join(folder, "killed/out"),
      cache: emptyCache(join(folder, "killed/cache")),
    };
    const dist = join(killed.out, "0.1.0");
    const seen = new Set<string>();
    for (;;) {
      const moment = await killAtNewMoment(killed, seen);
      if (moment === undefined) break;
      seen.add(moment);
      for (const name of existsSync(dist) ? readdirSync(dist) : []) {
        const whole = good?.artifacts.find(({ path }) => path === name);
        if (whole) expect(await sha256OfFile(join(dist, name)), moment).toBe(whole.sha256);
      }
    }
    const stages = new Set([...seen].map((moment) => moment.split(" ")[1]));
    expect([...stages]).toEqual(
      expect.arrayContaining(["database", "icons", "shell-bundle", "sidecar-bundle", "sidecar", "assemble-app"]),
    );
    expect(await readManifest(join(dist, "manifest.json"))).toEqual(good);
    expect(readdirSync(dist).filter((name) => name.endsWith(".part"))).toEqual([]);
    expect(readdirSync(join(killed.cache, "work"))).toEqual([]);
    expect(readdirSync(join(killed.cache, "pieces-work"))).toEqual([]);
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

test.skipIf(!canMount)(
  "unshare: an output disk that fills up is told, and nothing half-written stays on it",
  async () => {
    const disk = join(folder, "disk");
    mkdirSync(disk);
    const script = `mount -t tmpfs -o size=1m none '${disk}' && "$0" "$@"; code=$?; find '${disk}' -type f; exit $code`;
    const command = [process.execPath, join(ROOT, "build/cli/main.ts"), ...args({ ...first, out: disk })];
    const { status, stdout, stderr } = spawnSync("unshare", ["-rm", "sh", "-c", script, ...command], {
      cwd: ROOT,
      encoding: "utf8",
      env: { ...process.env, ERTH_CACHE: first.cache },
    });
    expect(stderr).toMatch(/error\[DISK_FULL\] erth package .*ENOSPC.*\n {2}do {2}free some space/);
    expect([status, stdout]).toEqual([1, ""]);
  },
);

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
