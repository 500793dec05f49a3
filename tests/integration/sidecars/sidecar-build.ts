/** Runs the two sidecar stages for `linux-x64` as a release would, with binaries from `node_modules` in the vendor's place. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ArtifactFacts } from "../../../build/artifacts/artifact.ts";
import { openPieces } from "../../../build/artifacts/pieces.ts";
import type { ResolvedConfig, SidecarKind } from "../../../build/config/resolved-config.ts";
import { sidecarBundle } from "../../../build/stages/sidecar-bundle.ts";
import { sidecar } from "../../../build/stages/sidecar.ts";
import type { TargetContext } from "../../../build/stages/stage.ts";
import { exec } from "../../../build/tools/exec.ts";

const repository = fileURLToPath(new URL("../../..", import.meta.url));
export const FIXTURE = join(repository, "tests/fixtures/sidecars/notes/sidecar.ts");

export const SEED = Buffer.alloc(20_000, "a seed that is easy to find ");
export const ADDON_FOLDER = join(repository, "node_modules/@libsql/linux-x64-gnu");

export interface SidecarBuildRequest {
  /** For everything that is written; one store of pieces in each. */
  readonly folder: string;
  readonly kind: SidecarKind;
  readonly entry?: string;
  readonly addonFolder?: string;
}

export interface SidecarBuild {
  readonly folder: string;
  readonly main: string;
  readonly facts: ArtifactFacts["sidecar"];
  readonly warnings: readonly string[];
  /** How often pkg was run. */
  readonly pkgRuns: number;
}

/** Builds and gives the sidecar's folder. */
export async function buildSidecar(request: SidecarBuildRequest): Promise<SidecarBuild> {
  const { folder, kind, entry = FIXTURE, addonFolder = ADDON_FOLDER } = request;
  const folders: Readonly<Record<string, string>> = {
    "node/linux-x64": join(repository, "node_modules/node"),
    "native/libsql/linux-x64": addonFolder,
  };
  mkdirSync(folder, { recursive: true });
  const database = mkdtempSync(join(folder, "database-"));
  const migrations = [{ name: "0001-notes", sha256: "00", sql: "CREATE TABLE notes (title TEXT)" }];
  writeFileSync(join(database, "database.json"), JSON.stringify({ schemaVersion: 1, migrations }));
  writeFileSync(join(database, "seed.db"), SEED);

  const warnings: string[] = [];
  let pkgRuns = 0;
  const target = { target: "linux-x64", sidecar: kind } as const;
  const context = {
    config: {
      root: dirname(entry),
      sidecar: { kind, entry },
      app: { identifier: "dev.erth.test" },
    } as unknown as ResolvedConfig,
    plan: { slug: "notes", targets: [target] },
    target,
    vendor: {
      folder: async (name: string) => folders[name] ?? Promise.reject(new Error(`nothing for ${name}`)),
      digest: (name: string) => (name in folders ? `digest of ${name}` : undefined),
    },
    exec: (...call: Parameters<typeof exec>) => {
      if (call[1].some((argument) => String(argument).includes("@yao-pkg"))) pkgRuns += 1;
      return exec(...call);
    },
    pieces: await openPieces(join(folder, "cache")),
    signal: new AbortController().signal,
    progress: () => undefined,
    log: () => undefined,
    warn: (text: string) => warnings.push(text),
  } as unknown as Omit<TargetContext, "workFolder">;
  const run = async (stage: unknown, inputs: object): Promise<{ readonly path: string; readonly facts: never }> => {
    const { run: start } = stage as { run: (ctx: object, inputs: object) => Promise<[{ path: string; facts: never }]> };
    const [draft] = await start({ ...context, workFolder: mkdtempSync(join(folder, "work-")) }, inputs);
    return draft;
  };

  const bundle = await run(sidecarBundle, { database: { path: database } });
  const made = await run(sidecar, { database: { path: database }, "sidecar-bundle": { path: bundle.path } });
  return { folder: made.path, main: join(bundle.path, "main.js"), facts: made.facts, warnings, pkgRuns };
}

/** What the fixture prints. */
export interface Printed {
  readonly title: string;
  readonly style: string;
  readonly seedBytes: number;
  readonly schemaVersion: number;
  readonly migrations: readonly string[];
  readonly url: boolean;
  readonly runtime: string;
  /** Paths of the addons that the process has mapped. */
  readonly libsql: readonly string[];
}

/** Runs it with nothing of this project in reach: an empty working folder, an empty home, no other environment. */
export async function runSidecar(
  file: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly home: string; readonly env?: Readonly<Record<string, string>> },
): Promise<Printed> {
  const cleared = Object.fromEntries(Object.keys(process.env).map((name) => [name, undefined]));
  const { stdout } = await exec(file, args, {
    cwd: options.cwd,
    env: { ...cleared, HOME: options.home, ...options.env },
  });
  return JSON.parse(stdout) as Printed;
}
