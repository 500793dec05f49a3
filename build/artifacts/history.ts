/**
 * What each project's last runs were made from: `projects/<id>.json` in the
 * cache. It tells why a stage ran again, and which cache entries may go.
 */
import { mkdir, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "../../runtime/base/errors.ts";
import type { KeyParts } from "./cache.ts";
import { sha256 } from "./digest.ts";
import { writeWhole } from "./whole-file.ts";

/** Runs kept for each stage and target: the present one and the one before. */
const KEPT_RUNS = 2;

export interface StageRun {
  readonly key: string;
  readonly parts: KeyParts;
}

/** `"<stage> <target>"` → its last runs, newest first. */
type Runs = Readonly<Record<string, readonly StageRun[]>>;

export interface History {
  /** Why a stage with these parts does not hit the cache, against its last run: `app/main.ts changed`. */
  why(stage: string, target: string, parts: KeyParts): string;
  /** The last two runs of a stage, newest first. */
  last(stage: string, target: string): readonly StageRun[];
  record(stage: string, target: string, run: StageRun): void;
  /** Writes the history; afterwards `liveKeys` includes this run. */
  save(): Promise<void>;
}

async function readRuns(path: string): Promise<Runs> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Runs;
  } catch (error) {
    // A history that is missing or damaged costs an explanation, never a build.
    if (systemCode(error) === "ENOENT" || error instanceof SyntaxError) return {};
    throw error;
  }
}

/** Names the parts that differ between two keys. */
export function differences(before: KeyParts, now: KeyParts): readonly string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
  return names.flatMap((name) => {
    if (before[name] === now[name]) return [];
    if (before[name] === undefined) return [`${name} is new`];
    return [now[name] === undefined ? `${name} is gone` : `${name} changed`];
  });
}

/** Opens the history of the project with this config file. */
export async function openHistory(cacheFolder: string, configFile: string): Promise<History> {
  const folder = join(cacheFolder, "projects");
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${sha256(configFile).slice(0, 16)}.json`);
  const runs: Record<string, readonly StageRun[]> = { ...(await readRuns(path)) };
  return {
    why(stage, target, parts) {
      const before = runs[`${stage} ${target}`]?.[0];
      if (before === undefined) return "first run";
      return differences(before.parts, parts).join(", ") || "its cache entry is gone";
    },
    last: (stage, target) => runs[`${stage} ${target}`] ?? [],
    record(stage, target, run) {
      const name = `${stage} ${target}`;
      const before = (runs[name] ?? []).filter((other) => other.key !== run.key);
      runs[name] = [run, ...before].slice(0, KEPT_RUNS);
    },
    async save() {
      await writeWhole(path, JSON.stringify(runs));
    },
  };
}

/** Every stage key that some project's last runs still use. */
export async function liveKeys(cacheFolder: string): Promise<ReadonlySet<string>> {
  const folder = join(cacheFolder, "projects");
  const keys = new Set<string>();
  for (const name of await readdir(folder)) {
    if (!name.endsWith(".json")) continue;
    for (const runs of Object.values(await readRuns(join(folder, name)))) for (const run of runs) keys.add(run.key);
  }
  return keys;
}
