/** `erth release`: everything in order; a file over its budget never reaches the output folder. */
import { join } from "node:path";
import { writeRelease } from "../../artifacts/dist.ts";
import { isSigned } from "../../artifacts/publishable.ts";
import type { Manifest } from "../../artifacts/manifest.ts";
import { gate } from "../../size/gate.ts";
import { releaseRecipes } from "../../stages/recipes.ts";
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
    tellUnsigned(ctx, manifest);
    return EXIT.done;
  },
};

/** What nobody's key has signed, and what Apple has not judged yet, is told loudly. */
function tellUnsigned(ctx: CommandContext, manifest: Manifest): void {
  const unsigned = manifest.artifacts.filter((file) => !isSigned(file, manifest));
  if (unsigned.length > 0) {
    const targets = unsigned.map(({ target, signedBy }) => `${target} (${signedBy ?? "unsigned"})`).join(", ");
    ctx.report({ type: "notice", text: `no key has signed ${targets}: these files are for testing, not for users.` });
  }
  const waiting = manifest.artifacts.filter(({ notarization }) => notarization?.state === "submitted");
  if (waiting.length > 0) {
    const files = waiting.map(({ path }) => path).join(", ");
    ctx.report({
      type: "notice",
      text: `Apple has not answered yet for ${files}: erth notarize --resume waits and staples.`,
    });
  }
}

/** Names the finished files, for the final table and for `--json`. */
export function reportFiles(ctx: CommandContext, manifest: Manifest): void {
  for (const file of manifest.artifacts) {
    ctx.report({ type: "artifact", file, path: join(ctx.flags.out, manifest.version, file.path) });
  }
}
