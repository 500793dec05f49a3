/** The size gate: what a release weighs, against its budget and against the release before. Pure. */
import type { Problem } from "../../runtime/base/errors.ts";
import type { ManifestFile } from "../artifacts/manifest.ts";
import { PARTS, type Part, type ResolvedConfig } from "../config/resolved-config.ts";
import { formatSize } from "../config/size.ts";

export interface PartSize {
  readonly part: Part;
  readonly compressedBytes: number;
  readonly diskBytes: number;
  /** Against the earlier release; undefined without one. */
  readonly grownBytes: number | undefined;
}

export interface SizeReport {
  readonly target: ManifestFile["target"];
  readonly path: string;
  readonly bytes: number;
  readonly budgetBytes: number;
  readonly diskBytes: number;
  readonly grownBytes: number | undefined;
  readonly parts: readonly PartSize[];
}

/** What one finished file weighs, part by part, heaviest first. */
export function sizeReport(file: ManifestFile, before: ManifestFile | undefined, budgetBytes: number): SizeReport {
  const parts = PARTS.map((part): PartSize => {
    const compressedBytes = file.compressedBytes[part];
    const grownBytes = before && compressedBytes - before.compressedBytes[part];
    return { part, compressedBytes, diskBytes: file.diskBytes[part], grownBytes };
  });
  return {
    target: file.target,
    path: file.path,
    bytes: file.bytes,
    budgetBytes,
    diskBytes: parts.reduce((sum, part) => sum + part.diskBytes, 0),
    grownBytes: before && file.bytes - before.bytes,
    parts: parts
      .filter((part) => part.diskBytes + part.compressedBytes > 0)
      .sort((a, b) => b.compressedBytes - a.compressedBytes),
  };
}

/** Every budget that a report breaks, each naming the part to blame. */
export function budgetProblems(report: SizeReport, budget: ResolvedConfig["budget"]): readonly Problem[] {
  const problems: Problem[] = [];
  if (report.bytes > report.budgetBytes) {
    problems.push({
      code: "SIZE_OVER_BUDGET",
      message: `${report.path} is ${formatSize(report.bytes)}, ${formatSize(report.bytes - report.budgetBytes)} over its budget of ${formatSize(report.budgetBytes)}; ${blame(report)}.`,
      remedy: "make that part smaller, or raise budget.total in a commit of its own",
    });
  }
  for (const { part, compressedBytes, grownBytes } of report.parts) {
    const allowed = budget.parts[part];
    if (allowed === undefined || compressedBytes <= allowed) continue;
    const growth = grownBytes === undefined ? "" : `; it ${change(grownBytes)} since the release before`;
    problems.push({
      code: "SIZE_OVER_BUDGET",
      message: `${report.path}: ${part} takes ${formatSize(compressedBytes)}, its budget is ${formatSize(allowed)}${growth}.`,
      remedy: `make ${part} smaller, or raise its budget in budget.parts in a commit of its own`,
    });
  }
  return problems;
}

function change(bytes: number): string {
  if (bytes === 0) return "did not change";
  return bytes > 0 ? `grew by ${formatSize(bytes)}` : `shrank by ${formatSize(-bytes)}`;
}

/** The part that grew most, or without an earlier release the heaviest one. */
function blame(report: SizeReport): string {
  const grown = report.parts.filter((part) => (part.grownBytes ?? 0) > 0);
  const most = grown.sort((a, b) => (b.grownBytes ?? 0) - (a.grownBytes ?? 0))[0];
  if (most?.grownBytes !== undefined) return `${most.part} ${change(most.grownBytes)} since the release before`;
  const heaviest = report.parts[0];
  return heaviest
    ? `the heaviest part is ${heaviest.part} with ${formatSize(heaviest.compressedBytes)}`
    : "it has no parts";
}
