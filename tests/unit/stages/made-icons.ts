/** Runs the `icons` stage on one picture, with nothing of the pipeline around it. */
import { fileURLToPath } from "node:url";
import { createPlan } from "../../../build/plan/plan.ts";
import { icons } from "../../../build/stages/icons.ts";
import type { AppContext } from "../../../build/stages/stage.ts";
import { exec } from "../../../build/tools/exec.ts";
import type { Problem } from "../../../runtime/base/errors.ts";
import { temporaryFolder } from "../config/temporary.ts";
import { fakeKeys } from "../../support/fake-config.ts";
import { configWith } from "../plan/requests.ts";

/** The path of a picture in `tests/fixtures/icons`. */
export function iconFixture(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/icons/${name}`, import.meta.url));
}

function contextFor(icon: string): AppContext {
  const base = configWith();
  const config = { ...base, app: { ...base.app, icon } };
  const nothing = (): never => {
    throw new Error("the icons stage has no business here");
  };
  return {
    config,
    plan: createPlan({ config, targets: [], shells: {}, formats: config.package.formats }),
    vendor: { folder: nothing, digest: nothing },
    exec,
    signal: new AbortController().signal,
    workFolder: temporaryFolder(),
    pieces: { get: nothing },
    ...fakeKeys(config.root),
    progress: nothing,
    log: nothing,
    warn: nothing,
  };
}

/** What preflight says about the icon at this path. */
export async function iconProblems(icon: string): Promise<readonly Problem[]> {
  return (await icons.preflight?.(contextFor(icon) as never)) ?? [];
}

/** The folder that the stage makes of the icon at this path, and its facts. */
export async function makeIcons(icon: string): Promise<{ readonly folder: string; readonly sizes: readonly number[] }> {
  if (icons.scope !== "app") throw new Error("icons are the same for every target");
  const [draft, ...more] = await icons.run(contextFor(icon), {});
  if (draft?.kind !== "icons" || more.length > 0) throw new Error("the stage makes icons and nothing else");
  return { folder: draft.path, sizes: draft.facts.sizes };
}
