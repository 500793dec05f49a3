/** The shape of a stage, and everything impure that one may touch. */
import type { Problem } from "../../runtime/base/errors.ts";
import type { ArtifactKind, ArtifactOf, Draft } from "../artifacts/artifact.ts";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import type { FormatId } from "../plan/package-format.ts";
import type { FormatPlan, Plan, TargetPlan } from "../plan/plan.ts";
import type { Keyring } from "../keys/keyring.ts";
import type { Exec } from "../tools/exec.ts";
import type { Vendor } from "../vendor/vendor.ts";

/**
 * One artifact per needed kind, from its own lane or target or from "any". Where
 * the stage that makes a kind was skipped it is of the state before (`STATE_BEFORE`), with the same facts.
 */
export type Inputs<K extends ArtifactKind> = { readonly [P in K]: ArtifactOf<P> };

/** Everything that a stage reads besides its inputs: together they are its cache key. */
export interface Reads {
  /** Slices of config and tool versions; anything that JSON can hold. */
  readonly values?: unknown;
  /** Absolute paths of source files or folders, hashed by content. */
  readonly files?: readonly string[];
  /** Lock entry names; their locked digests count. */
  readonly vendor?: readonly string[];
}

/** Told to the terminal and to `--json`. `doneBytes` of `totalBytes` where bytes are what takes the time. */
export interface Progress {
  readonly label: string;
  readonly done: number;
  readonly total: number;
  readonly unit: "bytes" | "items";
}

/** What a stage of scope "app" may touch: the target is unknown to it. */
export interface AppContext {
  readonly config: ResolvedConfig;
  readonly plan: Plan;
  readonly vendor: Vendor;
  readonly exec: Exec;
  readonly signal: AbortSignal;
  /** Fresh and empty; results are made here and moved into the cache by `run.ts`. */
  readonly workFolder: string;
  /** Content-addressed pieces below a stage's own grain, such as compressed frames. */
  readonly pieces: Pieces;
  /** The configured keys, each opened when it is first needed. */
  readonly keyring: Keyring;
  /** Absolute; outlives a run that ends early: records of slow work elsewhere. */
  readonly stateFolder: string;
  progress(progress: Progress): void;
  log(text: string): void;
  warn(text: string): void;
}

export interface TargetContext extends AppContext {
  readonly target: TargetPlan;
}

/** A shared store of files by key: same key, same bytes. */
export interface Pieces {
  /**
   * The path of the piece with this key, made by `make` (which writes the whole
   * piece to the path it is given) if it is not there yet. Safe under
   * simultaneous calls, in this process and in others.
   */
  get(key: string, make: (temporaryPath: string) => Promise<void>): Promise<string>;
}

interface StageBase<In extends ArtifactKind, Out extends ArtifactKind> {
  /** Log label and `--why` value. */
  readonly id: string;
  /** Bumped when the same inputs would give other bytes. */
  readonly version: number;
  readonly needs: readonly In[];
  readonly makes: readonly Out[];
  /** It waits for somebody else's computer: it takes no place among those that need this one's. */
  readonly isRemote?: true;
}

/** Runs once, whatever the targets. */
export interface AppStage<In extends ArtifactKind, Out extends ArtifactKind> extends StageBase<In, Out> {
  readonly scope: "app";
  /** A reason to print, decided without I/O. */
  skip?(plan: Plan): string | undefined;
  /** Every stage's, before the first one runs. */
  preflight?(ctx: AppContext): Promise<readonly Problem[]>;
  /** Absent: the stage runs every time, because only running it tells what it reads. */
  reads?(ctx: AppContext): Reads | Promise<Reads>;
  run(ctx: AppContext, inputs: Inputs<In>): Promise<readonly Draft<Out>[]>;
}

/** Runs once for each target, side by side where targets do not depend on each other. */
export interface TargetStage<In extends ArtifactKind, Out extends ArtifactKind> extends StageBase<In, Out> {
  readonly scope: "target";
  /**
   * The format whose way from app to finished file this stage is on. It runs
   * where the plan has that format, and what it makes meets needs on the same lane only.
   */
  readonly lane?: FormatId;
  skip?(plan: TargetPlan): string | undefined;
  preflight?(ctx: TargetContext): Promise<readonly Problem[]>;
  reads?(ctx: TargetContext): Reads | Promise<Reads>;
  run(ctx: TargetContext, inputs: Inputs<In>): Promise<readonly Draft<Out>[]>;
}

/** Any stage, as a recipe lists it: its precise kinds are checked where it is defined, and forgotten here. */
export type Stage =
  | (Omit<AppStage<never, ArtifactKind>, "needs"> & { readonly needs: readonly ArtifactKind[] })
  | (Omit<TargetStage<never, ArtifactKind>, "needs"> & { readonly needs: readonly ArtifactKind[] });

export type Recipe = readonly Stage[];

/** Checks a stage against its own declaration and forgets the precise kinds for the recipe's list. */
export function appStage<In extends ArtifactKind, Out extends ArtifactKind>(stage: AppStage<In, Out>): Stage {
  return stage as unknown as Stage;
}

export function targetStage<In extends ArtifactKind, Out extends ArtifactKind>(stage: TargetStage<In, Out>): Stage {
  return stage as unknown as Stage;
}

/** The planned file of a stage's lane. */
export function formatPlan(plan: TargetPlan, lane: FormatId): FormatPlan {
  const found = plan.formats.find(({ id }) => id === lane);
  if (found === undefined) throw new Error(`${plan.target} has no ${lane} in its plan`);
  return found;
}
