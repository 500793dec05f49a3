import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ErthError, ProblemsError } from "../../../runtime/base/errors.ts";
import { sha256 } from "../../../build/artifacts/digest.ts";
import { openStageCache } from "../../../build/artifacts/cache.ts";
import { openHistory } from "../../../build/artifacts/history.ts";
import { openPieces } from "../../../build/artifacts/pieces.ts";
import type { FormatId } from "../../../build/plan/package-format.ts";
import type { Target } from "../../../build/plan/target.ts";
import type { RunEvent } from "../../../build/stages/events.ts";
import { runRecipe } from "../../../build/stages/run.ts";
import { appStage, targetStage, type Recipe } from "../../../build/stages/stage.ts";
import { exec } from "../../../build/tools/exec.ts";
import { fakeConfig, fakeKeys, fakePlan, fakeVendor } from "../../support/fake-config.ts";
import { scratchFolder } from "../../support/scratch.ts";

interface Bench {
  readonly root: string;
  readonly events: RunEvent[];
  readonly run: (recipe: Recipe, targets: readonly Target[], signal?: AbortSignal) => ReturnType<typeof runRecipe>;
}

async function bench(formats?: readonly FormatId[]): Promise<Bench> {
  const root = await scratchFolder();
  const cacheFolder = join(root, "cache");
  const config = fakeConfig(root);
  const events: RunEvent[] = [];
  return {
    root,
    events,
    async run(recipe, targets, signal = new AbortController().signal) {
      return runRecipe({
        config,
        plan: fakePlan(targets, formats),
        recipes: { darwin: recipe, linux: recipe, win32: recipe },
        vendor: fakeVendor({}),
        cache: await openStageCache(cacheFolder),
        pieces: await openPieces(cacheFolder),
        ...fakeKeys(root),
        history: await openHistory(cacheFolder, config.file),
        exec,
        signal,
        toolDigest: "tool",
        listener: (event) => events.push(event),
        clockMs: () => 0,
      });
    },
  };
}

/** An app stage that makes icons from one source file. */
function iconsFrom(source: string, counter: { runs: number }): Recipe[number] {
  return appStage({
    id: "icons",
    version: 1,
    scope: "app",
    needs: [],
    makes: ["icons"],
    reads: () => ({ files: [source] }),
    async run(ctx) {
      counter.runs += 1;
      const path = join(ctx.workFolder, "icons");
      await writeFile(path, "icons");
      return [{ kind: "icons", path, facts: { sizes: [] } }];
    },
  });
}

/** A target stage that needs the icons and makes a sidecar named after its target. */
function sidecarStage(counter: { runs: number }): Recipe[number] {
  return targetStage({
    id: "sidecar",
    version: 1,
    scope: "target",
    needs: ["icons"],
    makes: ["sidecar"],
    reads: () => ({}),
    async run(ctx, inputs) {
      counter.runs += 1;
      const path = join(ctx.workFolder, "sidecar");
      await writeFile(path, `${ctx.target.target} ${inputs.icons.sha256}`);
      return [{ kind: "sidecar", path, facts: { kind: "bun", entry: "main.js", segments: {} } }];
    },
  });
}

test("an app stage runs once for all targets, a target stage once for each; a second run does nothing", async () => {
  const { root, run, events } = await bench();
  const source = join(root, "icon.png");
  await writeFile(source, "one");
  const [icons, sidecars] = [{ runs: 0 }, { runs: 0 }];
  const recipe = [iconsFrom(source, icons), sidecarStage(sidecars)];
  const first = await run(recipe, ["linux-x64", "darwin-arm64"]);
  expect([icons.runs, sidecars.runs]).toEqual([1, 2]);
  expect([...first.keys()].sort()).toEqual(["any", "darwin-arm64", "linux-x64"]);

  const second = await run(recipe, ["linux-x64", "darwin-arm64"]);
  expect([icons.runs, sidecars.runs]).toEqual([1, 2]);
  expect(second).toEqual(first);
  expect(
    events
      .filter((event) => event.type === "stage-finished")
      .slice(3)
      .every((event) => event.cached),
  ).toBe(true);
});

test("a changed source runs its stage again and says why; a stage whose input has the same bytes stays cached", async () => {
  const { root, run, events } = await bench();
  const source = join(root, "icon.png");
  await writeFile(source, "one");
  const [icons, sidecars] = [{ runs: 0 }, { runs: 0 }];
  const recipe = [iconsFrom(source, icons), sidecarStage(sidecars)];
  await run(recipe, ["linux-x64"]);
  await writeFile(source, "two");
  events.length = 0;
  await run(recipe, ["linux-x64"]);
  expect([icons.runs, sidecars.runs]).toEqual([2, 1]);
  expect(events.find((event) => event.type === "stage-started")).toMatchObject({
    stage: "icons",
    why: "file icon.png changed",
  });
});

test("every stage is preflighted, and every problem told, before the first one runs", async () => {
  const { root, run } = await bench();
  const icons = { runs: 0 };
  const source = join(root, "icon.png");
  await writeFile(source, "one");
  const troubled = (id: string): Recipe[number] =>
    targetStage({
      id,
      version: 1,
      scope: "target",
      needs: ["icons"],
      makes: [],
      preflight: (ctx) => Promise.resolve([{ code: "TEST", message: `${id} ${ctx.target.target}`, remedy: "none" }]),
      run: () => Promise.resolve([]),
    });
  const failure = await run(
    [iconsFrom(source, icons), troubled("a"), troubled("b")],
    ["linux-x64", "linux-arm64"],
  ).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ProblemsError);
  expect((failure as ProblemsError).problems.map(({ message }) => message)).toEqual([
    "a linux-x64",
    "b linux-x64",
    "a linux-arm64",
    "b linux-arm64",
  ]);
  expect(icons.runs).toBe(0);
});

test("a failing stage stops the run with its own error, and nothing of it is cached", async () => {
  const { root, run } = await bench();
  const source = join(root, "icon.png");
  await writeFile(source, "one");
  let attempts = 0;
  const failing = targetStage({
    id: "fails",
    version: 1,
    scope: "target",
    needs: ["icons"],
    makes: [],
    reads: () => ({}),
    run: () => {
      attempts += 1;
      return Promise.reject(new ErthError({ code: "TEST_FAILED", message: "no", remedy: "none" }));
    },
  });
  const recipe = [iconsFrom(source, { runs: 0 }), failing];
  await expect(run(recipe, ["linux-x64"])).rejects.toThrow(expect.objectContaining({ code: "TEST_FAILED" }));
  await expect(run(recipe, ["linux-x64"])).rejects.toThrow(expect.objectContaining({ code: "TEST_FAILED" }));
  expect(attempts).toBe(2);
});

test("a failing stage whose results nobody needs ends the run, not the process", async () => {
  const { run } = await bench();
  const failing = appStage({
    id: "fails",
    version: 1,
    scope: "app",
    needs: [],
    makes: ["icons"],
    run: () => Promise.reject(new Error("no icons")),
  });
  // vitest itself fails a test that leaves a rejection unhandled.
  await expect(run([failing], ["linux-x64"])).rejects.toThrow("no icons");
  await new Promise((resolve) => setTimeout(resolve, 10));
});

test("a full disk is named, with the way on", async () => {
  const { root, run } = await bench();
  const source = join(root, "icon.png");
  await writeFile(source, "one");
  const full = targetStage({
    id: "full",
    version: 1,
    scope: "target",
    needs: ["icons"],
    makes: [],
    run: () => Promise.reject(Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" })),
  });
  await expect(run([iconsFrom(source, { runs: 0 }), full], ["linux-x64"])).rejects.toThrow(
    expect.objectContaining({ code: "DISK_FULL" }),
  );
});

test("an aborted run ends with the reason it was aborted for", async () => {
  const { root, run } = await bench();
  const source = join(root, "icon.png");
  await writeFile(source, "one");
  const stop = new AbortController();
  const slow = targetStage({
    id: "slow",
    version: 1,
    scope: "target",
    needs: ["icons"],
    makes: [],
    run: (ctx) => {
      stop.abort(new Error("stopped by the test"));
      ctx.signal.throwIfAborted();
      return Promise.resolve([]);
    },
  });
  await expect(run([iconsFrom(source, { runs: 0 }), slow], ["linux-x64"], stop.signal)).rejects.toThrow(
    "stopped by the test",
  );
});

test("a recipe that needs what no earlier stage makes is a bug that names both", async () => {
  const { run } = await bench();
  await expect(run([sidecarStage({ runs: 0 })], ["linux-x64"])).rejects.toThrow("stage sidecar needs icons");
});

/** A stage on the way of one format, which tells what it was given. */
function laneStage(
  lane: FormatId,
  makes: "installer" | "signed-installer" | "stapled-installer",
  options: {
    readonly needs?: readonly ("installer" | "signed-installer")[];
    readonly skip?: string;
    readonly seen: string[];
  },
): Recipe[number] {
  return targetStage({
    id: `${makes}-${lane}`,
    version: 1,
    scope: "target",
    lane,
    needs: options.needs ?? [],
    makes: [makes],
    skip: () => options.skip,
    reads: () => ({}),
    async run(ctx, inputs) {
      for (const [need, { kind, facts }] of Object.entries(inputs)) {
        options.seen.push(`${makes}-${lane} needs ${need}, gets ${kind} of ${facts.format}`);
      }
      const path = join(ctx.workFolder, "file");
      await writeFile(path, `${makes} ${lane}`);
      return [{ kind: makes, path, facts: { ...bareFacts, format: lane } }];
    },
  });
}

const noBytes = { "shell runtime": 0, "sidecar runtime": 0, natives: 0, "app code": 0, database: 0, container: 0 };
const bareFacts = {
  signedBy: null,
  shell: "webview",
  app: sha256(""),
  compressedBytes: noBytes,
  diskBytes: noBytes,
} as const;

test("each lane keeps to its own files; a state that was skipped is met by the one before; a lane out of the plan never runs", async () => {
  const seen: string[] = [];
  const { run, events } = await bench(["zip"]);
  const result = await run(
    [
      laneStage("zip", "installer", { seen }),
      laneStage("single-file", "installer", { seen }),
      laneStage("zip", "signed-installer", { needs: ["installer"], skip: "no key", seen }),
      laneStage("zip", "stapled-installer", { needs: ["signed-installer"], seen }),
      laneStage("single-file", "stapled-installer", { needs: ["signed-installer"], seen }),
    ],
    ["win32-x64"],
  );
  expect(seen).toEqual(["stapled-installer-zip needs signed-installer, gets installer of zip"]);
  expect(result.get("win32-x64")?.map(({ kind }) => kind)).toEqual(["installer", "stapled-installer"]);
  expect(events.filter(({ type }) => type === "stage-skipped")).toEqual([
    { type: "stage-skipped", stage: "signed-installer-zip", target: "win32-x64", reason: "no key" },
  ]);
});

test("two lanes side by side", async () => {
  const seen: string[] = [];
  const { run } = await bench(["zip", "single-file"]);
  await run(
    [
      laneStage("zip", "installer", { seen }),
      laneStage("single-file", "installer", { seen }),
      laneStage("zip", "signed-installer", { needs: ["installer"], seen }),
      laneStage("single-file", "signed-installer", { needs: ["installer"], seen }),
    ],
    ["win32-x64"],
  );
  expect(seen.sort()).toEqual([
    "signed-installer-single-file needs installer, gets installer of single-file",
    "signed-installer-zip needs installer, gets installer of zip",
  ]);
});

test("two stages of one lane that make companions lose none", async () => {
  const { run } = await bench(["single-file"]);
  const companion = (role: "openpgp" | "minisign"): Recipe[number] =>
    targetStage({
      id: role,
      version: 1,
      scope: "target",
      lane: "single-file",
      needs: [],
      makes: ["companion"],
      async run(ctx) {
        const path = join(ctx.workFolder, role);
        await writeFile(path, role);
        return [{ kind: "companion", path, facts: { role, format: "single-file", suffix: `.${role}` } }];
      },
    });
  const result = await run([companion("openpgp"), companion("minisign")], ["linux-x64"]);
  expect(result.get("linux-x64")?.map(({ facts }) => facts)).toMatchObject([{ role: "openpgp" }, { role: "minisign" }]);
});

test("a fault that two targets share is told once", async () => {
  const { run } = await bench();
  const troubled = targetStage({
    id: "troubled",
    version: 1,
    scope: "target",
    needs: [],
    makes: [],
    preflight: () => Promise.resolve([{ code: "TEST", message: "the key is gone", remedy: "none" }]),
    run: () => Promise.resolve([]),
  });
  const failure: unknown = await run([troubled], ["darwin-x64", "darwin-arm64"]).catch((error: unknown) => error);
  expect((failure as ProblemsError).problems).toHaveLength(1);
});
