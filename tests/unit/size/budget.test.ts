import { expect, test } from "vitest";
import type { ManifestFile } from "../../../build/artifacts/manifest.ts";
import { resolveBudget } from "../../../build/config/budgets.ts";
import type { FileBudget } from "../../../build/config/resolved-config.ts";
import {
  budgetProblems,
  sizeReport,
  type PackageBytes,
  type SizeReport,
  type Weighed,
} from "../../../build/size/budget.ts";

const budget = (total: string | readonly string[], parts = {}): FileBudget =>
  resolveBudget({ total, parts })["linux-x64"];

function weighed(change: Partial<ManifestFile["compressedBytes"]> = {}, packages: PackageBytes = {}): Weighed {
  return { file: file(change), packages };
}

function file(change: Partial<ManifestFile["compressedBytes"]> = {}): ManifestFile {
  const compressedBytes = {
    "shell runtime": 30e6,
    "sidecar runtime": 28e6,
    natives: 3e6,
    "app code": 200e3,
    database: 10e3,
    container: 2e6,
    ...change,
  };
  return {
    kind: "installer",
    target: "linux-x64",
    path: "notes-1.0.0-linux-x64",
    bytes: Object.values(compressedBytes).reduce((sum, value) => sum + value, 0),
    sha256: "0".repeat(64),
    format: "single-file",
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

/** What a report says of these limits. */
function messages(report: SizeReport, limits: FileBudget): readonly string[] {
  return budgetProblems(report, limits).map(({ message }) => message);
}

test("a file within its budget has no problem", () => {
  const limits = budget("64 MB");
  expect(messages(sizeReport(weighed(), undefined, limits), limits)).toEqual([]);
});

test("an over-budget file names the part that grew, and by how much", () => {
  const limits = budget("64 MB");
  const report = sizeReport(weighed({ natives: 13e6 }), weighed(), limits);
  expect(budgetProblems(report, limits)[0]?.code).toBe("SIZE_OVER_BUDGET");
  expect(messages(report, limits)).toEqual([
    "notes-1.0.0-linux-x64 is 73.2 MB, 9.2 MB over its budget of 64.0 MB; natives grew by 10.0 MB since the release before.",
  ]);
});

test("without an earlier release the heaviest part is to blame", () => {
  const limits = budget("60 MB");
  expect(messages(sizeReport(weighed(), undefined, limits), limits)[0]).toContain(
    "the heaviest part is shell runtime with 30.0 MB",
  );
});

test("a part has a budget of its own, and app code names the package it grew through", () => {
  const limits = budget("128 MB", { "app code": "500 kB" });
  const now = weighed({ "app code": 900e3 }, { hono: 60e3, lodash: 540e3, "app/ui": 90e3 });
  const before = weighed({}, { hono: 58e3, "app/ui": 90e3 });
  expect(messages(sizeReport(now, before, limits), limits)).toEqual([
    "notes-1.0.0-linux-x64: app code takes 900.0 kB, its budget is 500.0 kB; it grew by 700.0 kB since the release before, most of it through lodash (540.0 kB of script, new).",
  ]);
});

test("growth is counted from the release before, as a share or in bytes; the first release has none", () => {
  const limits = budget(["64 MB", "+2%"], { natives: "+100 kB" });
  expect(messages(sizeReport(weighed(), undefined, limits), limits)).toEqual([]);
  expect(messages(sizeReport(weighed({ natives: 3.1e6 }), weighed(), limits), limits)).toEqual([]);
  expect(messages(sizeReport(weighed({ natives: 4.5e6 }), weighed(), limits), limits)).toEqual([
    "notes-1.0.0-linux-x64 is 64.7 MB, 710.0 kB over its budget of 64.0 MB; natives grew by 1.5 MB since the release before.",
    "notes-1.0.0-linux-x64 is 64.7 MB, 235.8 kB over its budget of +2% (64.5 MB); natives grew by 1.5 MB since the release before.",
    "notes-1.0.0-linux-x64: natives takes 4.5 MB, its budget is +100.0 kB (3.1 MB); it grew by 1.5 MB since the release before.",
  ]);
});

test("a target's own budget takes the place of the common one, and a total always has a size", () => {
  const budgets = resolveBudget({
    total: "64 MB",
    targets: { "win32-x64": { total: "+5%", parts: { natives: "4 MB" } } },
  });
  expect(budgets["linux-x64"]).toEqual({ total: [{ kind: "size", bytes: 64e6 }], parts: {} });
  expect(budgets["win32-x64"]).toEqual({
    total: [
      { kind: "size", bytes: 128e6 },
      { kind: "growth", percent: 5 },
    ],
    parts: { natives: [{ kind: "size", bytes: 4e6 }] },
  });
});
