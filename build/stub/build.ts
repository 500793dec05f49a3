/**
 * Rebuilds the stub for every target with the Go of `go.mod`, the same bytes
 * on every machine: `node build/stub/build.ts`. With `--check` nothing is
 * written, and a prebuilt program that differs from its source is an error.
 */
import { mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ErthError, ProblemsError, type Problem } from "../../runtime/base/errors.ts";
import { sha256 } from "../artifacts/digest.ts";
import { archOf, osOf, TARGETS, type Target } from "../plan/target.ts";
import { exec } from "../tools/exec.ts";
import { PREBUILT_FOLDER, stubPath } from "./targets.ts";

const SOURCE_FOLDER = fileURLToPath(new URL(".", import.meta.url));
const GOOS = { darwin: "darwin", win32: "windows", linux: "linux" } as const;
const GOARCH = { arm64: "arm64", x64: "amd64" } as const;
/** Settings of a user or a machine that would change the bytes. */
const PLAIN_GO = { GOENV: "off", GOFLAGS: "", GOEXPERIMENT: "", GOWORK: "off", GOFIPS140: "off", CGO_ENABLED: "0" };
const LEAST_CPU = { GOAMD64: "v1", GOARM64: "v8.0" };

/** Builds the stub of one target to `path`. Needs Go; modules come from the user's Go proxy. */
export async function buildStub(target: Target, path: string): Promise<void> {
  const env = { GOOS: GOOS[osOf(target)], GOARCH: GOARCH[archOf(target)] };
  // Without a console window, and so without a console.
  const windowed = osOf(target) === "win32" ? " -H windowsgui" : "";
  const args = ["build", "-trimpath", "-buildvcs=false", "-ldflags", `-s -w -buildid=${windowed}`, "-o", path, "."];
  await exec("go", args, { cwd: SOURCE_FOLDER, env: { ...PLAIN_GO, ...(await goProxy()), ...LEAST_CPU, ...env } });
}

/** `GOENV=off` hides these from `go`; they say where modules come from, not what is in them. */
async function goProxy(): Promise<Record<string, string>> {
  const names = ["GOPROXY", "GONOSUMDB", "GOSUMDB", "GOTOOLCHAIN"];
  const { stdout } = await exec("go", ["env", ...names]);
  const values = stdout.split("\n");
  return Object.fromEntries(
    names.map((name, index) => [name, values[index] ?? ""]).filter(([, value]) => value !== ""),
  );
}

/** The targets whose prebuilt stub is not what the source gives, as problems. */
export async function stubProblems(targets: readonly Target[] = TARGETS): Promise<readonly Problem[]> {
  const folder = await mkdtemp(join(tmpdir(), "erth-stub-"));
  const problems: Problem[] = [];
  try {
    for (const target of targets) {
      const path = join(folder, target);
      await buildStub(target, path);
      const [built, committed] = await Promise.all([readFile(path), readFile(stubPath(target))]);
      if (built.equals(committed)) continue;
      problems.push({
        code: "STUB_DIFFERS",
        message: `the prebuilt stub of ${target} has SHA-256 ${sha256(committed)}, its source gives ${sha256(built)}.`,
        remedy: "node build/stub/build.ts, and commit what it writes",
      });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return problems;
}

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--check")) {
    const problems = await stubProblems();
    if (problems.length > 0) throw new ProblemsError(problems);
    return;
  }
  for (const target of TARGETS) {
    const temporary = join(PREBUILT_FOLDER, `.${target}.part`);
    await buildStub(target, temporary);
    await rename(temporary, stubPath(target));
  }
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    const problems = error instanceof ProblemsError ? error.problems : [error];
    for (const { code, message, remedy } of problems) console.error(`error[${code}] ${message}\n  do  ${remedy}`);
    process.exitCode = 1;
  }
}
