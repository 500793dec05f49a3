/** The two runtimes that everything here runs on, as real executables. */
import { existsSync } from "node:fs";
import { join } from "node:path";

export interface Runtime {
  readonly name: "node" | "bun";
  readonly path: string;
}

const bunPath = join(import.meta.dirname, "../../../node_modules/bun/bin/bun.exe");
export const node: Runtime = { name: "node", path: process.execPath };
export const bun: Runtime = { name: "bun", path: bunPath };

export const hasBun = existsSync(bunPath);

/** A script of `tests/fakes/sidecars`. */
export function fake(name: "good" | "bad"): string {
  return join(import.meta.dirname, `../../fakes/sidecars/${name}.ts`);
}

export interface Pair {
  readonly parent: Runtime;
  readonly child: Runtime;
}

/** Which runtime the supervisor and the sidecar run on. */
export const allPairs: readonly Pair[] = [
  { parent: bun, child: node },
  { parent: node, child: bun },
  { parent: bun, child: bun },
  { parent: node, child: node },
];

/** Each runtime once in each role. */
export const crossPairs: readonly Pair[] = allPairs.slice(0, 2);
