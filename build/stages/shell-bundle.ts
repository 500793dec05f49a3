/** Stage: the app's shell entry → JavaScript, once for each shell kind in the plan. */
import { join } from "node:path";
import { bundleShell } from "../shells/bundle.ts";
import { appStage } from "./stage.ts";

export const shellBundle = appStage({
  id: "shell-bundle",
  version: 1,
  scope: "app",
  needs: [],
  makes: ["shell-bundle"],
  async run(ctx) {
    const shells = [...new Set(ctx.plan.targets.map(({ shell }) => shell.kind))].sort();
    const folder = join(ctx.workFolder, "shells");
    for (const kind of shells) {
      await bundleShell({
        kind,
        entry: ctx.config.shell.entry,
        outFolder: join(folder, kind),
        sdkFolder: kind === "electrobun" ? await ctx.vendor.folder("electrobun") : undefined,
      });
    }
    return [{ kind: "shell-bundle", path: folder, facts: { shells } }];
  },
});
