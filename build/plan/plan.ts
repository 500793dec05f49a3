/** The plan: what would be built from what. Pure: config and shell choices in, plan out. */
import type { ResolvedConfig, ShellKind, SidecarKind } from "../config/resolved-config.ts";
import type { Target } from "./target.ts";

/** Which shell a target gets, and why if it is not the configured one. */
export interface ShellChoice {
  readonly kind: ShellKind;
  /** Present when the configured shell could not be had. */
  readonly fallbackReason?: string;
}

export interface TargetPlan {
  readonly target: Target;
  readonly shell: ShellChoice;
  readonly sidecar: SidecarKind;
  /** Names of the lock entries that this target needs, natives aside. */
  readonly vendor: readonly string[];
  /** The finished file's name. */
  readonly fileName: string;
  readonly budgetBytes: number;
}

export interface Plan {
  readonly name: string;
  readonly slug: string;
  readonly version: string;
  readonly targets: readonly TargetPlan[];
}

export interface PlanRequest {
  readonly config: ResolvedConfig;
  readonly targets: readonly Target[];
  readonly shells: Readonly<Partial<Record<Target, ShellChoice>>>;
}
