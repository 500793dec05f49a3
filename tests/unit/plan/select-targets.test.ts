import * as fc from "fast-check";
import { expect, test } from "vitest";
import { nearestTarget, selectTargets } from "../../../build/plan/select-targets.ts";
import { TARGETS } from "../../../build/plan/target.ts";
import { ErthError, ProblemsError } from "../../../runtime/base/errors.ts";

const configured = ["linux-x64", "win32-x64"] as const;
const select = (option: string | undefined) => selectTargets(option, configured, "linux-x64");

test("nothing said: the config's own targets", () => {
  expect(select(undefined)).toEqual(configured);
});

test.each([
  ["all", TARGETS],
  ["host", ["linux-x64"]],
  ["linux-arm64,darwin-arm64", ["darwin-arm64", "linux-arm64"]],
  [" win32-x64 , host,linux-x64,", ["win32-x64", "linux-x64"]],
  ["host,all", TARGETS],
])("%j selects %j", (option, targets) => {
  expect(select(option)).toEqual(targets);
});

test("unknown names are refused together, each with its nearest", () => {
  try {
    select("macos-arm64,linux-x46,linux-x64,plan9");
    expect.unreachable("three names are unknown");
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error;
    expect(error.problems.map(({ code, remedy }) => [code, remedy])).toEqual([
      ["USAGE_TARGET", "--target darwin-arm64"],
      ["USAGE_TARGET", "--target linux-x64"],
      ["USAGE_TARGET", "--target darwin-arm64"],
    ]);
  }
});

test.each(["", ",", " , "])("%j names nothing", (option) => {
  expect(() => select(option)).toThrow("names no target");
});

test.each([
  ["windows-x64", "win32-x64"],
  ["win-amd64", "win32-x64"],
  ["osx-x86_64", "darwin-x64"],
  ["Linux_AArch64", "linux-arm64"],
  ["linux/amd64", "linux-x64"],
  ["darwin-arm46", "darwin-arm64"],
  ["freebsd-x64", undefined],
])("%s means %s", (typed, target) => {
  expect(nearestTarget(typed)).toBe(target);
});

test("any text selects targets or says why not", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.array(fc.constantFrom(...TARGETS, "host", "all", "")).map(String)),
      (option) => {
        try {
          const targets = select(option);
          expect(targets.length).toBeGreaterThan(0);
          expect(new Set(targets).size).toBe(targets.length);
        } catch (error) {
          expect(error).toBeInstanceOf(ErthError);
        }
      },
    ),
  );
});
