/** `erth build`: the app folder of each target, under `<out>/app/<target>/`. */
import { cp, mkdir, rename, rm } from "node:fs/promises";
import { constants } from "node:fs";
import { join } from "node:path";
import { APP_STATES, type AppState, type Artifact, type ArtifactOf } from "../../artifacts/artifact.ts";
import { temporaryName } from "../../artifacts/whole-file.ts";
import { buildRecipes } from "../../stages/recipes.ts";
import { EXIT, type Command } from "../command.ts";
import { openSession, runSession } from "../session.ts";

export const build: Command = {
  name: "build",
  summary: "shell + sidecar + database → the app folder of each target",
  async run(ctx) {
    const { result } = await runSession(ctx, await openSession(ctx), buildRecipes);
    for (const [target, artifacts] of result) {
      const app = latestApp(artifacts);
      if (app === undefined) continue;
      const path = join(ctx.flags.out, "app", target, app.facts.bundleName);
      const temporary = temporaryName(path);
      await mkdir(join(ctx.flags.out, "app", target), { recursive: true });
      await cp(app.path, temporary, { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE });
      await rm(path, { recursive: true, force: true });
      await rename(temporary, path);
      ctx.report({
        type: "result",
        name: "app",
        value: { target, path, launch: app.facts.launch },
        text: `  ${target}  ${path}\n`,
      });
    }
    return EXIT.done;
  },
};

function latestApp(artifacts: readonly Artifact[]): ArtifactOf<AppState> | undefined {
  return APP_STATES.flatMap((state) =>
    artifacts.filter((artifact): artifact is ArtifactOf<AppState> => artifact.kind === state),
  )[0];
}
