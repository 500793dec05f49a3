/** The size gate: what a release weighs, against its budget and against the release before. Pure. */
import type { Problem } from "../../runtime/base/errors.ts";
import type { ManifestFile } from "../artifacts/manifest.ts";
import { allowedBytes, formatLimit, type Limit } from "../config/limit.ts";
import { PARTS, type FileBudget, type Part } from "../config/resolved-config.ts";
import { formatSize } from "../config/size.ts";

export interface PartSize {
  readonly part: Part;
  readonly compressedBytes: number;
  readonly diskBytes: number;
  /** Against the earlier release; undefined without one. */
  readonly grownBytes: number | undefined;
}

/** A package or folder of the app's script, in bytes of the bundle. */
export interface PackageSize {
  readonly name: string;
  readonly bytes: number;
  readonly grownBytes: number | undefined;
}

export interface SizeReport {
  readonly target: ManifestFile["target"];
  readonly format: ManifestFile["format"];
  readonly path: string;
  readonly bytes: number;
  /** What the strictest limit of the file allows. */
  readonly budgetBytes: number;
  readonly diskBytes: number;
  readonly grownBytes: number | undefined;
  readonly parts: readonly PartSize[];
  /** What the part "app code" is made of, heaviest first. */
  readonly packages: readonly PackageSize[];
}

/** Bytes in the bundle by package, as a manifest has them. */
export type PackageBytes = Readonly<Record<string, number>>;

export interface Weighed {
  readonly file: ManifestFile;
  readonly packages: PackageBytes;
}

/** What one finished file weighs, part by part, heaviest first. */
export function sizeReport(now: Weighed, before: Weighed | undefined, budget: FileBudget): SizeReport {
  const { file } = now;
  const parts = PARTS.map((part): PartSize => {
    const compressedBytes = file.compressedBytes[part];
    const grownBytes = before && compressedBytes - before.file.compressedBytes[part];
    return { part, compressedBytes, diskBytes: file.diskBytes[part], grownBytes };
  });
  const allowed = budget.total.map((limit) => allowedBytes(limit, before?.file.bytes) ?? Infinity);
  return {
    target: file.target,
    format: file.format,
    path: file.path,
    bytes: file.bytes,
    budgetBytes: Math.min(...allowed),
    diskBytes: parts.reduce((sum, part) => sum + part.diskBytes, 0),
    grownBytes: before && file.bytes - before.file.bytes,
    parts: parts
      .filter((part) => part.diskBytes + part.compressedBytes > 0)
      .sort((a, b) => b.compressedBytes - a.compressedBytes),
    packages: Object.entries(now.packages)
      .map(([name, bytes]) => ({ name, bytes, grownBytes: before && bytes - (before.packages[name] ?? 0) }))
      .sort((a, b) => b.bytes - a.bytes),
  };
}

/** Every budget that a report breaks, each naming the part to blame. */
export function budgetProblems(report: SizeReport, budget: FileBudget): readonly Problem[] {
  const problems: Problem[] = [];
  const before = (bytes: number, grown: number | undefined): number | undefined =>
    grown === undefined ? undefined : bytes - grown;
  for (const limit of broken(budget.total, report.bytes, before(report.bytes, report.grownBytes))) {
    problems.push({
      code: "SIZE_OVER_BUDGET",
      message: `${report.path} is ${formatSize(report.bytes)}, ${formatSize(report.bytes - limit.allowed)} over its budget of ${limit.text}; ${blame(report)}.`,
      remedy: "make that part smaller, or raise budget.total in a commit of its own",
    });
  }
  for (const { part, compressedBytes, grownBytes } of report.parts) {
    for (const limit of broken(budget.parts[part] ?? [], compressedBytes, before(compressedBytes, grownBytes))) {
      const growth = grownBytes === undefined ? "" : `; it ${change(grownBytes)} since the release before`;
      problems.push({
        code: "SIZE_OVER_BUDGET",
        message: `${report.path}: ${part} takes ${formatSize(compressedBytes)}, its budget is ${limit.text}${growth}${part === "app code" ? throughPackage(report) : ""}.`,
        remedy: `make ${part} smaller, or raise its budget in budget.parts in a commit of its own`,
      });
    }
  }
  return problems;
}

interface BrokenLimit {
  readonly allowed: number;
  readonly text: string;
}

function broken(limits: readonly Limit[], bytes: number, beforeBytes: number | undefined): readonly BrokenLimit[] {
  return limits.flatMap((limit) => {
    const allowed = allowedBytes(limit, beforeBytes);
    if (allowed === undefined || bytes <= allowed) return [];
    return [
      { allowed, text: limit.kind === "size" ? formatSize(allowed) : `${formatLimit(limit)} (${formatSize(allowed)})` },
    ];
  });
}

function change(bytes: number): string {
  if (bytes === 0) return "did not change";
  return bytes > 0 ? `grew by ${formatSize(bytes)}` : `shrank by ${formatSize(-bytes)}`;
}

/** The part that grew most, or without an earlier release the heaviest one. */
function blame(report: SizeReport): string {
  const grown = report.parts.filter((part) => (part.grownBytes ?? 0) > 0);
  const most = grown.sort((a, b) => (b.grownBytes ?? 0) - (a.grownBytes ?? 0))[0];
  if (most?.grownBytes !== undefined) {
    const through = most.part === "app code" ? throughPackage(report) : "";
    return `${most.part} ${change(most.grownBytes)} since the release before${through}`;
  }
  const heaviest = report.parts[0];
  return heaviest
    ? `the heaviest part is ${heaviest.part} with ${formatSize(heaviest.compressedBytes)}`
    : "it has no parts";
}

/** `, most of it through lodash (540.0 kB of script, new)` */
function throughPackage(report: SizeReport): string {
  const [most] = report.packages
    .filter(({ grownBytes }) => (grownBytes ?? 0) > 0)
    .sort((a, b) => (b.grownBytes ?? 0) - (a.grownBytes ?? 0));
  if (most?.grownBytes === undefined) return "";
  const how = most.grownBytes === most.bytes ? "new" : change(most.grownBytes);
  return `, most of it through ${most.name} (${formatSize(most.bytes)} of script, ${how})`;
}
