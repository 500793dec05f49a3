import { expect, test } from "vitest";
import type { ManifestFile } from "../../../build/artifacts/manifest.ts";
import { budgetProblems, sizeReport } from "../../../build/size/budget.ts";

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
    from: [],
    compressedBytes,
    diskBytes: compressedBytes,
  };
}

test("a file within its budget has no problem", () => {
  expect(budgetProblems(sizeReport(file(), undefined, 64e6), { totalBytes: 64e6, parts: {} })).toEqual([]);
});

test("an over-budget file names the part that grew, and by how much", () => {
  const report = sizeReport(file({ natives: 13e6 }), file(), 64e6);
  const [problem] = budgetProblems(report, { totalBytes: 64e6, parts: {} });
  expect(problem?.code).toBe("SIZE_OVER_BUDGET");
  expect(problem?.message).toBe(
    "notes-1.0.0-linux-x64 is 73.2 MB, 9.2 MB over its budget of 64.0 MB; natives grew by 10.0 MB since the release before.",
  );
});

test("without an earlier release the heaviest part is to blame", () => {
  const [problem] = budgetProblems(sizeReport(file(), undefined, 60e6), { totalBytes: 60e6, parts: {} });
  expect(problem?.message).toContain("the heaviest part is shell runtime with 30.0 MB");
});

test("a part has a budget of its own", () => {
  const report = sizeReport(file({ "app code": 900e3 }), file(), 128e6);
  const problems = budgetProblems(report, { totalBytes: 128e6, parts: { "app code": 500e3 } });
  expect(problems.map(({ message }) => message)).toEqual([
    "notes-1.0.0-linux-x64: app code takes 900.0 kB, its budget is 500.0 kB; it grew by 700.0 kB since the release before.",
  ]);
});
