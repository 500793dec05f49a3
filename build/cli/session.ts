/**
 * What every building command begins with: the config, the lock, the vendor,
 * the shells that can be had, the plan and the cache. Nothing is built here.
 */
import { join } from "node:path";
import { ErthError, ProblemsError } from "../../runtime/base/errors.ts";
import { openStageCache } from "../artifacts/cache.ts";
import { digestPath, sha256 } from "../artifacts/digest.ts";
import { outputProblems } from "../artifacts/dist.ts";
import { liveKeys, openHistory, type History } from "../artifacts/history.ts";
import { createManifest, type Manifest } from "../artifacts/manifest.ts";
import { openPieces } from "../artifacts/pieces.ts";
import { loadConfig } from "../config/load.ts";
import { resolveConfig } from "../config/resolve.ts";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import { NO_SIGNING } from "../config/resolved-signing.ts";
import { openKeyring } from "../keys/keyring.ts";
import { createPlan, type Plan } from "../plan/plan.ts";
import type { TargetOs } from "../plan/target.ts";
import { selectFormats } from "../plan/select-formats.ts";
import { selectTargets } from "../plan/select-targets.ts";
import { chooseShells } from "../plan/shell-choice.ts";
import { runRecipe, type RunResult } from "../stages/run.ts";
import type { Recipe } from "../stages/stage.ts";
import { exec } from "../tools/exec.ts";
import { cacheFolder, makeCacheFolder } from "../vendor/cache-folder.ts";
import { createVendor, type VendorStore } from "../vendor/create-vendor.ts";
import { readLock } from "../vendor/lock.ts";
import { lockProblems, PINNED } from "../vendor/requirements.ts";
import type { CommandContext } from "./command.ts";

export const LOCK_FILE = "erth.lock.json";

export interface Session {
  readonly config: ResolvedConfig;
  readonly plan: Plan;
  readonly vendor: VendorStore;
  readonly cacheFolder: string;
  readonly history: History;
}

/** Loads the config that the flags name, with `--fast` and `--no-sign` laid over it. */
export async function loadSessionConfig(ctx: CommandContext): Promise<ResolvedConfig> {
  const { user, file } = await loadConfig({ cwd: ctx.cwd, path: ctx.flags.config });
  const config = resolveConfig(user, file);
  const { fast, noSign } = ctx.flags;
  return {
    ...config,
    ...(fast ? { package: { ...config.package, compression: "fast" } } : {}),
    ...(noSign ? { signing: NO_SIGNING } : {}),
  };
}

export interface SessionOptions {
  /** False: whatever the config says, Apple is not asked to notarize. */
  readonly isNotarizing?: boolean;
}

/** Opens a session: after it, everything that can be refused before a build has been. */
export async function openSession(ctx: CommandContext, options: SessionOptions = {}): Promise<Session> {
  const loaded = await loadSessionConfig(ctx);
  const config = options.isNotarizing === false ? withoutNotary(loaded) : loaded;
  const lockPath = join(config.root, LOCK_FILE);
  const lock = await readLock(lockPath);
  const cache = cacheFolder(ctx.env);
  await makeCacheFolder(cache);
  const targets = selectTargets(ctx.flags.target, config.targets);
  const formats = selectFormats(ctx.flags.format, config.package.formats, targets);
  const vendor = createVendor({
    lock,
    lockPath,
    cacheFolder: cache,
    mirror: config.vendor.mirror,
    folders: config.vendor.folders,
    offline: ctx.flags.offline,
    env: ctx.env,
    signal: ctx.signal,
    onProgress: (progress) => ctx.listener({ type: "vendor", ...progress }),
  });
  const shells = await chooseShells({
    config,
    targets,
    vendor,
    noFallback: ctx.flags.noFallback,
    warn: (text) => ctx.report({ type: "notice", text }),
  });
  const plan = createPlan({ config, targets, shells, formats });
  const needed = new Set(plan.targets.flatMap((target) => target.vendor));
  const stale = lockProblems(
    lock,
    PINNED.filter(({ name }) => needed.has(name)),
  );
  if (stale.length > 0) throw new ProblemsError(stale);
  return { config, plan, vendor, cacheFolder: cache, history: await openHistory(cache, config.file) };
}

function withoutNotary(config: ResolvedConfig): ResolvedConfig {
  const { apple } = config.signing;
  if (apple === undefined) return config;
  return { ...config, signing: { ...config.signing, apple: { ...apple, notarize: undefined } } };
}

/** What the stages are made of, from the folder of erth; the shell's and the app's own imports are bundled, and so count anyway. */
const TOOL_SOURCES = [
  "build/stages",
  "build/keys",
  "build/shells",
  "build/sidecars",
  "build/formats",
  "build/database",
  "signing",
  "runtime/database",
];

/** Digest of the toolchain's own sources: another erth, other results. */
async function toolDigest(): Promise<string> {
  const root = join(import.meta.dirname, "../..");
  const digests = await Promise.all(TOOL_SOURCES.map((name) => digestPath(join(root, name))));
  return sha256(digests.map((digest) => digest.sha256).join());
}

export interface Made {
  readonly result: RunResult;
  readonly manifest: Manifest;
}

/** Runs a recipe for the session's plan, then forgets cache entries that no project uses any more. */
export async function runSession(
  ctx: CommandContext,
  session: Session,
  recipes: Readonly<Record<TargetOs, Recipe>>,
): Promise<Made> {
  const outProblems = await outputProblems(ctx.flags.out);
  if (outProblems.length > 0) throw new ProblemsError(outProblems);
  const cache = await openStageCache(session.cacheFolder);
  const pieces = await openPieces(session.cacheFolder);
  const keyring = openKeyring(session.config.signing, ctx.keyWorld);
  let result: RunResult;
  try {
    result = await runRecipe({
      ...session,
      recipes,
      cache,
      pieces,
      keyring,
      stateFolder: join(session.cacheFolder, "state"),
      exec,
      signal: ctx.signal,
      toolDigest: await toolDigest(),
      listener: ctx.listener,
      clockMs: () => performance.now(),
    });
  } finally {
    await keyring.close();
  }
  await cache.prune(await liveKeys(session.cacheFolder));
  await pieces.prune();
  return { result, manifest: createManifest(session.config, session.plan, result) };
}

/** Refuses positional arguments where a command takes none. */
export function refuseExtra(command: string, extra: readonly string[]): void {
  if (extra.length === 0) return;
  throw new ErthError({
    code: "USAGE_ARGUMENT",
    message: `erth ${command} takes no argument, but got ${extra.join(" ")}.`,
    remedy: "erth --help lists the commands and flags",
  });
}
