import { join } from "node:path";
import { expect, test } from "vitest";
import { TARGETS } from "../../../build/plan/target.ts";
import { readLock } from "../../../build/vendor/lock.ts";
import { lockProblems, nativeRequirement, PINNED, requirementsFor } from "../../../build/vendor/requirements.ts";

const APP_LOCK = join(import.meta.dirname, "../../../app/erth.lock.json");

test("every combination of shell, sidecar and target needs pinned entries only", () => {
  const pinned = new Set(PINNED.map((requirement) => requirement.name));
  expect(pinned.size).toBe(PINNED.length);
  for (const target of TARGETS) {
    for (const shell of ["electrobun", "webview"] as const) {
      for (const sidecar of ["pkg", "bun"] as const) {
        const names = requirementsFor({ shell, sidecar, target });
        expect(names.filter((name) => !pinned.has(name))).toEqual([]);
        expect(names.includes(`node/${target}`)).toBe(sidecar === "pkg");
        expect(names.includes(`electrobun-core/${target}`)).toBe(shell === "electrobun");
        expect(names.includes("webview")).toBe(shell === "webview");
        expect(names).toContain(`bun/${target}`);
      }
    }
  }
});

test("the reference app's lock answers every pinned requirement and its natives", async () => {
  const lock = await readLock(APP_LOCK);
  expect(lockProblems(lock, PINNED)).toEqual([]);
  for (const target of TARGETS) expect(Object.keys(lock.entries)).toContain(`native/libsql/${target}`);
});

test("a missing entry, another version and another source are all told at once", async () => {
  const lock = await readLock(APP_LOCK);
  const newer = nativeRequirement("libsql", "linux-x64", { package: "@libsql/linux-x64-gnu", version: "9.9.9" });
  const absent = nativeRequirement("sharp", "linux-x64", { package: "@img/sharp-linux-x64", version: "1.0.0" });
  const moved = { name: "webview", source: "archive", url: "https://example.org/webview.tar.gz" } as const;
  const problems = lockProblems(lock, [newer, absent, moved]);
  expect(problems.map((problem) => [problem.code, problem.remedy])).toEqual(
    Array.from({ length: 3 }, () => ["VENDOR_UNLOCKED", "erth lock"]),
  );
  expect(problems[0]?.message).toContain("@libsql/linux-x64-gnu@9.9.9");
  expect(problems[0]?.message).toContain("@libsql/linux-x64-gnu@0.5.29");
  expect(problems[1]?.message).toContain("no such entry");
});
