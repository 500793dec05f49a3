/**
 * The only loop: preflights every stage, then runs the recipe for every
 * target, side by side where nothing is shared. It times, reports, skips,
 * caches and records; a stage does none of that itself.
 */
import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { ProblemsError, type Problem } from "../../runtime/base/errors.ts";
import { STATE_BEFORE, type Artifact, type ArtifactKind } from "../artifacts/artifact.ts";
import { cacheKey, type StageCache } from "../artifacts/cache.ts";
import type { History } from "../artifacts/history.ts";
import { limiter } from "../artifacts/limiter.ts";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import type { Keyring } from "../keys/keyring.ts";
import type { Plan, TargetPlan } from "../plan/plan.ts";
import { osOf, type Target, type TargetOs } from "../plan/target.ts";
import type { Exec } from "../tools/exec.ts";
import { fileFault } from "../tools/file-fault.ts";
import type { Vendor } from "../vendor/vendor.ts";
import type { Listener, StageTarget } from "./events.ts";
import type { AppContext, Inputs, Pieces, Recipe, Stage, TargetContext } from "./stage.ts";
import { stageKeyParts } from "./stage-key.ts";

export interface RunRequest {
  readonly config: ResolvedConfig;
  readonly plan: Plan;
  /** What is done for each OS; stages of scope "app" that several of them name run once. */
  readonly recipes: Readonly<Record<TargetOs, Recipe>>;
  readonly vendor: Vendor;
  readonly cache: StageCache;
  readonly pieces: Pieces;
  readonly keyring: Keyring;
  readonly stateFolder: string;
  readonly history: History;
  readonly exec: Exec;
  readonly signal: AbortSignal;
  readonly toolDigest: string;
  readonly listener: Listener;
  /** Milliseconds on a clock that only goes forward. */
  readonly clockMs: () => number;
}

/** Everything that the recipe made, by target; "any" holds what all targets share. */
export type RunResult = ReadonlyMap<StageTarget, readonly Artifact[]>;

/** Runs a recipe. The first failure stops the rest; results that are whole stay in the cache. */
export async function runRecipe(request: RunRequest): Promise<RunResult> {
  const stop = new AbortController();
  const signal = AbortSignal.any([request.signal, stop.signal]);
  const run: RunRequest = { ...request, signal };
  await preflightAll(run);

  const limit = limiter(availableParallelism());
  const produced = new Map<string, Promise<readonly Artifact[]>>();
  const tasks: Promise<readonly Artifact[]>[] = [];
  for (const { stage, target } of stepsOf(run)) {
    const place = target?.target ?? "any";
    const reason = skipReason(run, stage, target);
    if (reason !== undefined) {
      run.listener({ type: "stage-skipped", stage: stage.id, target: place, reason });
      continue;
    }
    const lane = laneOf(stage);
    const needed = stage.needs.map((need) => madeFor(produced, { need, place, lane, stage: stage.id }));
    const task = Promise.all(needed).then((inputs) => {
      const work = (): Promise<readonly Artifact[]> => runStage(run, stage, target, inputs);
      return stage.isRemote ? work() : limit(work);
    });
    task.catch((error: unknown) => stop.abort(error));
    for (const kind of stage.makes) {
      const results = task.then((made) => made.filter((artifact) => artifact.kind === kind));
      // A failure is told by its own task; a result that nobody waits for must not end the process.
      results.catch(() => undefined);
      produced.set(keyOf(kind, place, lane), results);
    }
    tasks.push(task);
  }
  const results = await Promise.allSettled(tasks);
  if (request.signal.aborted) throw request.signal.reason;
  const failure: unknown = stop.signal.reason;
  if (results.some((result) => result.status === "rejected")) throw failure;

  const byTarget = new Map<StageTarget, readonly Artifact[]>();
  for (const made of await Promise.all(tasks)) {
    for (const artifact of made) byTarget.set(artifact.target, [...(byTarget.get(artifact.target) ?? []), artifact]);
  }
  await run.history.save();
  return byTarget;
}

function keyOf(kind: ArtifactKind, place: StageTarget, lane: string): string {
  return `${kind} ${place} ${lane}`;
}

/** The lane of a stage; "" for what all lanes of a target share. */
function laneOf(stage: Stage): string {
  return (stage.scope === "target" && stage.lane) || "";
}

/** A needed kind with the artifact that meets it, of that kind or of a state before it. */
interface Input {
  readonly need: ArtifactKind;
  readonly artifact: Artifact;
}

interface NeedRequest {
  readonly need: ArtifactKind;
  readonly place: StageTarget;
  readonly lane: string;
  readonly stage: string;
}

/** What meets a need: the same lane's result, the target's, or one that all targets share; else the state before it. */
async function madeFor(
  produced: ReadonlyMap<string, Promise<readonly Artifact[]>>,
  { need, place, lane, stage }: NeedRequest,
): Promise<Input> {
  for (let kind: ArtifactKind | undefined = need; kind !== undefined; kind = STATE_BEFORE[kind]) {
    const made =
      produced.get(keyOf(kind, place, lane)) ??
      produced.get(keyOf(kind, place, "")) ??
      produced.get(keyOf(kind, "any", ""));
    const artifact = (await made)?.[0];
    if (artifact !== undefined) return { need, artifact };
  }
  throw new Error(`stage ${stage} needs ${need}, which no earlier stage makes`);
}

/** A stage's own reason not to run, if it has one. */
function skipReason(run: RunRequest, stage: Stage, target: TargetPlan | undefined): string | undefined {
  return (stage.scope === "app" ? stage.skip?.(run.plan) : target && stage.skip?.(target)) || undefined;
}

interface Step {
  readonly stage: Stage;
  /** Undefined for a stage that runs once for all targets. */
  readonly target: TargetPlan | undefined;
}

/** The recipes of all targets, what they share once, the lanes that the plan has, every step after those it needs. */
function stepsOf({ recipes, plan }: RunRequest): readonly Step[] {
  const steps: Step[] = [];
  const shared = new Set<Stage>();
  for (const target of plan.targets) {
    for (const stage of recipes[osOf(target.target)]) {
      if (stage.scope === "target") {
        const { lane } = stage;
        if (lane === undefined || target.formats.some(({ id }) => id === lane)) steps.push({ stage, target });
      } else if (!shared.has(stage)) steps.push({ stage, target: undefined });
      shared.add(stage);
    }
  }
  return steps;
}

async function preflightAll(run: RunRequest): Promise<void> {
  const problems: Problem[] = [];
  for (const { stage, target } of stepsOf(run)) {
    if (skipReason(run, stage, target) !== undefined) continue;
    if (stage.scope === "app") {
      problems.push(...((await stage.preflight?.(appContext(run, stage, "any", ""))) ?? []));
    } else if (target) {
      const ctx: TargetContext = { ...appContext(run, stage, target.target, ""), target };
      problems.push(...((await stage.preflight?.(ctx)) ?? []));
    }
  }
  // Targets that share a key share its faults.
  const unique = [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
  if (unique.length > 0) throw new ProblemsError(unique);
}

function appContext(run: RunRequest, stage: Stage, target: StageTarget, workFolder: string): AppContext {
  return {
    config: run.config,
    plan: run.plan,
    vendor: run.vendor,
    exec: run.exec,
    signal: run.signal,
    pieces: run.pieces,
    keyring: run.keyring,
    stateFolder: run.stateFolder,
    workFolder,
    progress: (progress) => run.listener({ type: "progress", stage: stage.id, target, ...progress }),
    log: (text) => run.listener({ type: "log", stage: stage.id, target, text }),
    warn: (text) => run.listener({ type: "warning", stage: stage.id, target, text }),
  };
}

async function runStage(
  run: RunRequest,
  stage: Stage,
  targetPlan: TargetPlan | undefined,
  inputs: readonly Input[],
): Promise<readonly Artifact[]> {
  run.signal.throwIfAborted();
  const target: Target | "any" = targetPlan?.target ?? "any";
  const about = { stage: stage.id, target };
  const artifacts = inputs.map(({ artifact }) => artifact);

  const started = run.clockMs();
  const base = appContext(run, stage, target, "");
  const reads = await explained(stage.id, async () =>
    stage.scope === "app" ? stage.reads?.(base) : targetPlan && stage.reads?.({ ...base, target: targetPlan }),
  );
  // Only running it tells what a stage without `reads` reads, so it is keyed by what it makes.
  const parts =
    reads === undefined
      ? undefined
      : await stageKeyParts({ ...run, stage, target, reads, inputs: artifacts, root: run.config.root });
  const key = parts && cacheKey(parts);
  const found = key && (await run.cache.find(key));
  if (found) {
    run.history.record(stage.id, target, { key, parts: parts ?? {} });
    run.listener({ type: "stage-finished", ...about, ms: run.clockMs() - started, cached: true });
    return found;
  }

  const why = parts ? run.history.why(stage.id, target, parts) : "runs every time";
  run.listener({ type: "stage-started", ...about, why });
  const workFolder = await run.cache.newWorkFolder();
  const from = artifacts.map((input) => input.sha256);
  const made = await explained(stage.id, async () => {
    try {
      const drafts = await start(stage, { ...base, workFolder }, targetPlan, inputs);
      return await run.cache.keep({ key, workFolder, drafts, target, from });
    } finally {
      // Kept results have left it by now; those of a failure are worth nothing.
      await rm(workFolder, { recursive: true, force: true });
    }
  });
  run.history.record(stage.id, target, { key: made.key, parts: parts ?? {} });
  run.listener({ type: "stage-finished", ...about, ms: run.clockMs() - started, cached: false });
  return made.artifacts;
}

function start(stage: Stage, base: AppContext, target: TargetPlan | undefined, inputs: readonly Input[]) {
  // `Stage` has forgotten which kinds it needs; the loop above has just gathered exactly those.
  const met = inputs.map(({ need, artifact }) => [need, artifact]);
  const byKind = Object.fromEntries(met) as Inputs<ArtifactKind> & Inputs<never>;
  if (stage.scope === "app") return stage.run(base, byKind);
  if (target === undefined) throw new Error(`stage ${stage.id} runs for a target, but has none`);
  return stage.run({ ...base, target }, byKind);
}

/** Turns the system errors that a user can mend into our own; everything else passes unchanged. */
async function explained<Result>(stage: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw fileFault(error, `stage ${stage}`) ?? error;
  }
}
