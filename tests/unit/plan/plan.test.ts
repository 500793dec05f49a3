import { expect, test } from "vitest";
import { createMatrix } from "../../../build/plan/matrix.ts";
import { createPlan, type ShellChoice } from "../../../build/plan/plan.ts";
import { DEFAULT_FORMATS } from "../../../build/plan/package-format.ts";
import { renderPlan } from "../../../build/plan/render.ts";
import { TARGETS, type Target } from "../../../build/plan/target.ts";
import { requirementsFor } from "../../../build/vendor/requirements.ts";
import { configWith } from "./requests.ts";

const shells: Record<Target, ShellChoice> = {
  "darwin-arm64": { kind: "electrobun" },
  "darwin-x64": { kind: "electrobun" },
  "win32-x64": { kind: "electrobun" },
  "linux-x64": { kind: "webview", fallbackReason: "the core is not locked." },
  "linux-arm64": { kind: "electrobun" },
};

const config = configWith();
const formats = DEFAULT_FORMATS;
const plan = createPlan({ config, targets: TARGETS, shells, formats });

test("file names carry slug, version and target; only Linux has no extension", () => {
  expect(plan.targets.flatMap((target) => target.formats.map(({ fileName }) => fileName))).toEqual([
    "sample-app-1.2.3-beta.1-darwin-arm64.zip",
    "sample-app-1.2.3-beta.1-darwin-x64.zip",
    "sample-app-1.2.3-beta.1-win32-x64.zip",
    "sample-app-1.2.3-beta.1-linux-x64",
    "sample-app-1.2.3-beta.1-linux-arm64",
  ]);
});

test("each target names what its own shell and sidecar need", () => {
  for (const { target, shell, sidecar, vendor, budget } of plan.targets) {
    expect(sidecar).toBe("pkg");
    expect(budget).toEqual([{ kind: "size", bytes: 128_000_000 }]);
    expect(vendor).toEqual(requirementsFor({ shell: shell.kind, sidecar, target }));
  }
  expect(plan.targets.find(({ target }) => target === "linux-x64")?.vendor).not.toContain("electrobun");
});

test("the plan follows the targets asked for, and refuses to guess a shell", () => {
  const some = createPlan({ config, targets: ["linux-arm64"], shells, formats });
  expect(some.targets.map(({ target }) => target)).toEqual(["linux-arm64"]);
  expect(() => createPlan({ config, targets: ["linux-arm64"], shells: {}, formats })).toThrow(
    "no shell was chosen for linux-arm64",
  );
});

test("the matrix has one job for each target", () => {
  expect(createMatrix(plan)).toEqual({
    include: TARGETS.map((target) => ({ target, os: "ubuntu-latest", shell: shells[target].kind })),
  });
});

test("the text says what is built from what", () => {
  const some = createPlan({ config, targets: ["linux-x64", "win32-x64"], shells, formats });
  const text = renderPlan({ plan: some, config });
  expect(text).toMatchInlineSnapshot(`
    "Sample App 1.2.3-beta.1 (com.example.sample)

    once
      shell     shell/main.ts by esbuild
      sidecar   sidecar/main.ts by esbuild
      database  migrations/*.sql by libSQL
      icons     icons/icon.svg by resvg

    linux-x64
      shell     webview 2.4.0 on Bun 1.3.13
                fallback: the core is not locked.
      sidecar   by pkg into Node 26.10.0
      vendor    bun/linux-x64, webview, node/linux-x64
      signing   unsigned: no key is configured
      file      sample-app-1.2.3-beta.1-linux-x64, at most 128.0 MB
                one executable file, zstd (best)

    win32-x64
      shell     ElectroBun 1.18.1 on Bun 1.3.13
      sidecar   by pkg into Node 26.10.0
      vendor    bun/win32-x64, electrobun, electrobun-core/win32-x64, node/win32-x64
      signing   unsigned: no key is configured
      file      sample-app-1.2.3-beta.1-win32-x64.zip, at most 128.0 MB
                the app in a zip (best)"
  `);
});
