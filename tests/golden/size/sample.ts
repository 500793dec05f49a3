/** Two releases of an app with a hostile name, for the size page and its Markdown. */
import { resolveBudget } from "../../../build/config/budgets.ts";
import type { Manifest, ManifestFile } from "../../../build/artifacts/manifest.ts";
import { budgetProblems, sizeReport, type SizeReport } from "../../../build/size/budget.ts";
import type { Problem } from "../../../runtime/base/errors.ts";

export const HOSTILE = `a|b <img src=x onerror=alert(1)> "c" & \`d\``;

function file(natives: number, format: ManifestFile["format"]): ManifestFile {
  const compressedBytes = {
    "shell runtime": 30e6,
    "sidecar runtime": 28e6,
    natives,
    "app code": 200e3,
    database: 10e3,
    container: 2e6,
  };
  return {
    kind: "installer",
    target: format === "zip" ? "win32-x64" : "linux-x64",
    path: `notes-${format}`,
    bytes: Object.values(compressedBytes).reduce((sum, value) => sum + value, 0),
    sha256: "0".repeat(64),
    format,
    shell: "webview",
    sidecar: "pkg",
    signedBy: null,
    app: "a".repeat(64),
    proven: [],
    unproven: [],
    from: [],
    compressedBytes,
    diskBytes: compressedBytes,
  };
}

function manifest(version: string, natives: number, packages: Manifest["packages"]): Manifest {
  const app = { name: HOSTILE, slug: "notes", identifier: "com.example.notes", version };
  return { schema: 1, ...app, artifacts: [file(natives, "single-file"), file(3e6, "zip")], packages, companions: [] };
}

export const releases = [
  manifest("1.0.0", 3e6, { hono: 60e3 }),
  manifest("1.1.0", 9e6, { hono: 58e3, [HOSTILE]: 40e3 }),
] as const;

const budgets = resolveBudget({ total: "64 MB" });
const [before, now] = releases;

export const reports: readonly SizeReport[] = now.artifacts.map((found, at) =>
  sizeReport(
    { file: found, packages: now.packages },
    { file: before.artifacts[at]!, packages: before.packages },
    budgets[found.target],
  ),
);

export const problems: readonly Problem[] = reports.flatMap((report) => budgetProblems(report, budgets[report.target]));
