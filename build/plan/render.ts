/** The plan as text: what would be built from what, by which tools. */
import { relative } from "node:path";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import { formatLimit } from "../config/limit.ts";
import { ELECTROBUN_VERSION, NODE_VERSION, BUN_VERSION, WEBVIEW_VERSION } from "../vendor/requirements.ts";
import type { Plan, TargetPlan } from "./plan.ts";
import { PACKAGE_FORMATS } from "./package-format.ts";
import { renderSigningPlan } from "./signing-plan.ts";

export interface PlanText {
  readonly plan: Plan;
  readonly config: ResolvedConfig;
}

/** Several lines, the last without a line break. Paths are relative to the config's folder. */
export function renderPlan({ plan, config }: PlanText): string {
  const at = (path: string): string => relative(config.root, path).replaceAll("\\", "/");
  const sources: [string, string][] = [
    ["shell", `${at(config.shell.entry)} by esbuild`],
    ["sidecar", `${at(config.sidecar.entry)} by esbuild`],
    ["database", config.database ? `${at(config.database.migrations)}/*.sql by libSQL` : "none"],
    ["icons", `${at(config.app.icon)} by resvg`],
  ];
  return [
    `${plan.name} ${plan.version} (${config.app.identifier})`,
    "",
    "once",
    ...sources.map(([what, how]) => `  ${what.padEnd(9)} ${how}`),
    ...plan.targets.flatMap((target) => ["", ...renderTarget(target, config)]),
  ].join("\n");
}

function renderTarget(plan: TargetPlan, config: ResolvedConfig): string[] {
  const shell =
    plan.shell.kind === "electrobun"
      ? `ElectroBun ${ELECTROBUN_VERSION} on Bun ${BUN_VERSION}`
      : `webview ${WEBVIEW_VERSION} on Bun ${BUN_VERSION}`;
  const sidecar = plan.sidecar === "pkg" ? `by pkg into Node ${NODE_VERSION}` : "on the shell's Bun";
  return [
    plan.target,
    `  shell     ${shell}`,
    ...(plan.shell.fallbackReason === undefined ? [] : [`            fallback: ${plan.shell.fallbackReason}`]),
    `  sidecar   ${sidecar}`,
    `  vendor    ${plan.vendor.join(", ")}`,
    `  signing   ${renderSigningPlan(plan.signing)}`,
    ...plan.formats.flatMap(({ id, fileName }) => [
      `  file      ${fileName}, ${plan.budget.map(formatLimit).join(", ")}`,
      `            ${PACKAGE_FORMATS[id].made} (${config.package.compression})`,
    ]),
  ];
}
