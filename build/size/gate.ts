/** Runs the size gate over a manifest: reports for all its files, and every broken budget. */
import type { Problem } from "../../runtime/base/errors.ts";
import type { Manifest } from "../artifacts/manifest.ts";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import { budgetProblems, sizeReport, type SizeReport } from "./budget.ts";
import { earlierManifest } from "./earlier.ts";

export interface GateRequest {
  readonly config: ResolvedConfig;
  readonly manifest: Manifest;
  readonly outFolder: string;
  /** A manifest, folder or version to compare with; undefined: the release before this one, if any. */
  readonly since: string | undefined;
}

export interface GateResult {
  readonly reports: readonly SizeReport[];
  readonly problems: readonly Problem[];
}

export async function gate({ config, manifest, outFolder, since }: GateRequest): Promise<GateResult> {
  const earlier = await earlierManifest(outFolder, manifest, since);
  const reports = manifest.artifacts.map((file) => {
    const before = earlier?.artifacts.find(({ target, format }) => target === file.target && format === file.format);
    return sizeReport(
      { file, packages: manifest.packages },
      before && earlier && { file: before, packages: earlier.packages },
      config.budget[file.target],
    );
  });
  return { reports, problems: reports.flatMap((report) => budgetProblems(report, config.budget[report.target])) };
}
