/** The plan: what would be built from what. Pure: config and shell choices in, plan out. */
import type { Limit } from "../config/limit.ts";
import type { ResolvedConfig, ShellKind, SidecarKind } from "../config/resolved-config.ts";
import { requirementsFor } from "../vendor/requirements.ts";
import { fileNameOf, type FormatId } from "./package-format.ts";
import { signingPlan, type SigningPlan } from "./signing-plan.ts";
import { osOf, type Target, type TargetOs } from "./target.ts";

/** Which shell a target gets, and why if it is not the configured one. */
export interface ShellChoice {
  readonly kind: ShellKind;
  /** Present when the configured shell could not be had. */
  readonly fallbackReason?: string;
}

/** One file that a target gets. */
export interface FormatPlan {
  readonly id: FormatId;
  readonly fileName: string;
}

export interface TargetPlan {
  readonly target: Target;
  readonly shell: ShellChoice;
  readonly sidecar: SidecarKind;
  /** Names of the lock entries that this target needs, natives aside. */
  readonly vendor: readonly string[];
  /** The finished files, in the order of the config; never empty. */
  readonly formats: readonly FormatPlan[];
  /** Limits of each file's size. */
  readonly budget: readonly Limit[];
  readonly signing: SigningPlan;
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
  readonly formats: Readonly<Record<TargetOs, readonly FormatId[]>>;
}

/** The plan for these targets, in their order. A target without a shell choice is a bug of the caller. */
export function createPlan({ config, targets, shells, formats }: PlanRequest): Plan {
  const { name, slug, version } = config.app;
  return {
    name,
    slug,
    version,
    targets: targets.map((target) => {
      const shell = shells[target];
      if (shell === undefined) throw new Error(`no shell was chosen for ${target}`);
      const sidecar = config.sidecar.kind;
      return {
        target,
        shell,
        sidecar,
        vendor: requirementsFor({ shell: shell.kind, sidecar, target }),
        formats: formats[osOf(target)].map((id) => ({ id, fileName: fileNameOf(`${slug}-${version}-${target}`, id) })),
        budget: config.budget[target].total,
        signing: signingPlan(config.signing, target),
      };
    }),
  };
}
