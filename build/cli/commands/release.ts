/** `erth release`: everything in order; a file over its budget never reaches the output folder. */
import { join } from "node:path";
import { writeRelease } from "../../artifacts/dist.ts";
import type { Manifest } from "../../artifacts/manifest.ts";
import { gate } from "../../size/gate.ts";
import { releaseRecipes } from "../../stages/recipes.ts";
import { AD_HOC } from "../../../signing/who-signed.ts";
import { EXIT, type Command, type CommandContext } from "../command.ts";
import { openSession, runSession } from "../session.ts";

export const release: Command = {
  name: "release",
  summary: "all of it in order: build, package, size gate, proof, manifest",
  async run(ctx) {
    const session = await openSession(ctx);
    const { result, manifest } = await runSession(ctx, session, releaseRecipes);
    const { reports, problems } = await gate({
      config: session.config,
      manifest,
      outFolder: ctx.flags.out,
      since: ctx.flags.since,
    });
    if (problems.length > 0) {
      for (const report of reports) ctx.report({ type: "size", report });
      for (const problem of problems) ctx.report({ type: "problem", ...problem });
      return EXIT.overBudget;
    }
    await writeRelease(ctx.flags.out, manifest, result);
    reportFiles(ctx, manifest);
    const unsigned = manifest.artifacts.filter(({ signedBy }) => signedBy === null || signedBy === AD_HOC);
    if (unsigned.length > 0) {
      const targets = unsigned.map(({ target, signedBy }) => `${target} (${signedBy ?? "unsigned"})`).join(", ");
      ctx.report({ type: "notice", text: `no key has signed ${targets}: these files are for testing, not for users.` });
    }
    return EXIT.done;
  },
};

/** Names the finished files, for the final table and for `--json`. */
export function reportFiles(ctx: CommandContext, manifest: Manifest): void {
  for (const file of manifest.artifacts) {
    ctx.report({ type: "artifact", file, path: join(ctx.flags.out, manifest.version, file.path) });
  }
}
