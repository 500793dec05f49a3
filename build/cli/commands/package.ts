/** `erth package`: app folders → one file per target, without the size gate. */
import { writeRelease } from "../../artifacts/dist.ts";
import { packageRecipes } from "../../stages/recipes.ts";
import { EXIT, type Command } from "../command.ts";
import { openSession, runSession } from "../session.ts";
import { reportFiles } from "./release.ts";

export const packageCommand: Command = {
  name: "package",
  summary: "app folders → single files",
  async run(ctx) {
    const { result, manifest } = await runSession(ctx, await openSession(ctx, { isNotarizing: false }), packageRecipes);
    await writeRelease(ctx.flags.out, manifest, result);
    reportFiles(ctx, manifest);
    return EXIT.done;
  },
};
