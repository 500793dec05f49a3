/** A plan as a GitHub Actions matrix: one job for each target. */
import type { ShellKind } from "../config/resolved-config.ts";
import type { Plan } from "./plan.ts";
import type { Target } from "./target.ts";

interface MatrixJob {
  readonly target: Target;
  /** The label for `runs-on`. */
  readonly os: string;
  readonly shell: ShellKind;
}

export interface Matrix {
  readonly include: readonly MatrixJob[];
}

/** The value of `strategy.matrix`, through `fromJSON`. */
export function createMatrix(plan: Plan): Matrix {
  return {
    include: plan.targets.map((job) => ({ target: job.target, os: runnerFor(job.target), shell: job.shell.kind })),
  };
}

/** Every target is built the same way from any host, so the cheapest runner serves all. */
const RUNNERS: Readonly<Record<Target, string>> = {
  "darwin-arm64": "ubuntu-latest",
  "darwin-x64": "ubuntu-latest",
  "win32-x64": "ubuntu-latest",
  "linux-x64": "ubuntu-latest",
  "linux-arm64": "ubuntu-latest",
};

/** The label of the runner that builds a target. */
function runnerFor(target: Target): string {
  return RUNNERS[target];
}
