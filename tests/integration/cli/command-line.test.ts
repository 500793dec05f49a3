import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { TARGETS } from "../../../build/plan/target.ts";
import { scratchFolder } from "../../support/scratch.ts";

const MAIN = join(import.meta.dirname, "../../../build/cli/main.ts");
const APP = join(import.meta.dirname, "../../../app/erth.config.ts");

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real command line in a folder of its own, with a cache of its own. */
async function erth(args: readonly string[], folder?: string): Promise<Ended> {
  const cwd = folder ?? (await scratchFolder());
  mkdirSync(join(cwd, ".git"), { recursive: true });
  try {
    const stdout = execFileSync(process.execPath, [MAIN, ...args], {
      cwd,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ERTH_CACHE: join(cwd, "cache"), ERTH_ELECTROBUN_CORE_DIR: undefined, NO_COLOR: "1" },
    });
    return { status: 0, stdout, stderr: "" };
  } catch (error) {
    const { status, stdout, stderr } = error as Ended;
    return { status, stdout, stderr };
  }
}

test("help and version", async () => {
  expect((await erth(["--help"])).stdout).toMatch(/erth <command> \[flags\][\s\S]*release[\s\S]*--no-fallback/);
  expect((await erth(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(await erth([])).toMatchObject({ status: 2 });
});

test.for([
  [["relaese"], "USAGE_COMMAND"],
  [["plan", "--tagret", "linux-x64"], "USAGE_FLAG"],
  [["plan", "now"], "USAGE_ARGUMENT"],
  [["plan"], "CONFIG_NOT_FOUND"],
] as const)("%j ends with 2 and %s", async ([args, code]) => {
  const { status, stderr } = await erth(args);
  expect(status).toBe(2);
  expect(stderr).toMatch(new RegExp(`^error\\[${code}\\] .+\\n  do  .+\\n`));
});

test("a config with faults ends with 2 and tells all of them; under --json each is one event", async () => {
  const folder = await scratchFolder();
  writeFileSync(
    join(folder, "erth.config.json"),
    JSON.stringify({ app: { nmae: "x", version: "one" }, targets: ["linux"] }),
  );
  const human = await erth(["plan"], folder);
  expect(human.status).toBe(2);
  expect(human.stderr.match(/error\[CONFIG_INVALID\]/g)?.length).toBeGreaterThan(4);
  const json = await erth(["plan", "--json"], folder);
  const events = json.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { type: string; remedy?: string });
  expect(events.filter(({ type, remedy }) => type === "problem" && remedy).length).toBeGreaterThan(4);
  expect(events.at(-1)).toMatchObject({ type: "finished", exitCode: 2 });
});

test("plan --matrix is one line that a workflow can read, a job for each target", async () => {
  const { status, stdout } = await erth(["plan", "--matrix", "--config", APP]);
  expect(status).toBe(0);
  const matrix = JSON.parse(stdout) as { include: { target: string }[] };
  expect(matrix.include.map(({ target }) => target)).toEqual(TARGETS);
  const { stdout: events } = await erth(["plan", "--json", "--target", "win32-x64", "--config", APP]);
  const results = events.split("\n").filter((line) => line.startsWith('{"type":"result"'));
  expect(results.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { name: "plan", value: { slug: "erth-assistant", targets: [{ target: "win32-x64", sidecar: "pkg" }] } },
  ]);
});

test("plan --why of a stage that is none, and of one that has not run", async () => {
  const unknown = await erth(["plan", "--why", "sidcar", "--config", APP]);
  expect([unknown.status, unknown.stderr]).toEqual([2, expect.stringMatching(/error\[USAGE_STAGE\].*sidecar-bundle/)]);
  const fresh = await erth(["plan", "--why", "sidecar", "--target", "linux-x64", "--config", APP]);
  expect([fresh.status, fresh.stdout]).toEqual([0, "  linux-x64: it has not run yet\n"]);
});

test("--no-fallback refuses the shell that cannot be had, before anything is built", async () => {
  const { status, stderr } = await erth(["release", "--no-fallback", "--target", "linux-x64", "--config", APP]);
  expect(status).toBe(1);
  expect(stderr).not.toContain("✓");
  expect(stderr).toMatch(/error\[SHELL_UNAVAILABLE\] [^\n]*linux-x64[^]*\n {2}do {2}.*leave out --no-fallback/);
});

test("size before any release says what to type", async () => {
  const { status, stderr } = await erth(["size", "--config", APP]);
  expect(status).toBe(1);
  expect(stderr).toMatch(/error\[MANIFEST_MISSING\][\s\S]*do {2}erth package/);
});
