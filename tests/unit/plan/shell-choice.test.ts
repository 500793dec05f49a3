import { expect, test } from "vitest";
import { chooseShells } from "../../../build/plan/shell-choice.ts";
import { TARGETS, type Target } from "../../../build/plan/target.ts";
import { ErthError } from "../../../runtime/base/errors.ts";
import { configWith } from "./requests.ts";

/** A vendor that has every core but these. */
function vendorWithout(missing: readonly Target[], code = "VENDOR_UNREACHABLE") {
  const asked: string[] = [];
  return {
    asked,
    folder: (name: string): Promise<string> => {
      asked.push(name);
      const target = missing.find((one) => name === `electrobun-core/${one}`);
      if (target === undefined) return Promise.resolve("/core");
      return Promise.reject(new ErthError({ code, message: `${name} is out of reach.`, remedy: "erth lock" }));
    },
  };
}

function withShell(kind: "electrobun" | "webview", fallback?: "webview") {
  const config = configWith();
  return { ...config, shell: { ...config.shell, kind, fallback } };
}

test("every core at hand: ElectroBun everywhere, not a word", async () => {
  const warnings: string[] = [];
  const vendor = vendorWithout([]);
  const shells = await chooseShells({
    config: withShell("electrobun", "webview"),
    targets: TARGETS,
    vendor,
    noFallback: false,
    warn: (text) => warnings.push(text),
  });
  expect(Object.keys(shells)).toEqual([...TARGETS]);
  expect(Object.values(shells)).toEqual(TARGETS.map(() => ({ kind: "electrobun" })));
  expect(vendor.asked).toEqual(TARGETS.map((target) => `electrobun-core/${target}`));
  expect(warnings).toEqual([]);
});

test("a missing core falls back for its target alone, with the reason", async () => {
  const warnings: string[] = [];
  const shells = await chooseShells({
    config: withShell("electrobun", "webview"),
    targets: ["linux-x64", "linux-arm64", "win32-x64"],
    vendor: vendorWithout(["linux-arm64", "win32-x64"]),
    noFallback: false,
    warn: (text) => warnings.push(text),
  });
  expect(shells).toEqual({
    "linux-x64": { kind: "electrobun" },
    "linux-arm64": { kind: "webview", fallbackReason: "electrobun-core/linux-arm64 is out of reach." },
    "win32-x64": { kind: "webview", fallbackReason: "electrobun-core/win32-x64 is out of reach." },
  });
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain("linux-arm64, win32-x64");
});

test.each([
  ["no fallback is configured", undefined, false, 'set shell.fallback: "webview"'],
  ["--no-fallback is given", "webview", true, "leave out --no-fallback"],
] as const)("an error that names every target when %s", async (_, fallback, noFallback, allow) => {
  const choice = chooseShells({
    config: withShell("electrobun", fallback),
    targets: TARGETS,
    vendor: vendorWithout(["linux-arm64", "darwin-x64"], "VENDOR_UNLOCKED"),
    noFallback,
    warn: () => expect.unreachable("nothing falls back"),
  });
  await expect(choice).rejects.toMatchObject({
    code: "SHELL_UNAVAILABLE",
    facts: { targets: ["darwin-x64", "linux-arm64"] },
  });
  const error: unknown = await choice.catch((thrown: unknown) => thrown);
  if (!(error instanceof ErthError)) throw error;
  expect(error.message).toContain("darwin-x64: electrobun-core/darwin-x64 is out of reach.");
  for (const way of ["erth lock", "ERTH_MIRROR", "vendor.folders", "ERTH_ELECTROBUN_CORE_DIR", allow]) {
    expect(error.remedy).toContain(way);
  }
});

test.each(["VENDOR_DIGEST", "VENDOR_FOLDER", "DISK_FULL"])("%s is never a reason to fall back", async (code) => {
  await expect(
    chooseShells({
      config: withShell("electrobun", "webview"),
      targets: ["linux-x64"],
      vendor: vendorWithout(["linux-x64"], code),
      noFallback: false,
      warn: () => expect.unreachable("nothing falls back"),
    }),
  ).rejects.toMatchObject({ code });
});

test("the webview shell asks for no core", async () => {
  const vendor = vendorWithout(TARGETS);
  const shells = await chooseShells({
    config: withShell("webview"),
    targets: ["linux-x64"],
    vendor,
    noFallback: true,
    warn: () => undefined,
  });
  expect(shells).toEqual({ "linux-x64": { kind: "webview" } });
  expect(vendor.asked).toEqual([]);
});
