/** `erth size`: what the finished files weigh, part by part; exit 3 when a budget is broken. */
import { join } from "node:path";
import { ErthError } from "../../../runtime/base/errors.ts";
import { readManifest } from "../../artifacts/manifest.ts";
import { writeWhole } from "../../artifacts/whole-file.ts";
import { gate } from "../../size/gate.ts";
import { renderSizeMarkdown } from "../../size/markdown.ts";
import { renderSizePage } from "../../size/page.ts";
import { releasesUpTo } from "../../size/releases.ts";
import { EXIT, type Command } from "../command.ts";
import { loadSessionConfig } from "../session.ts";

export const size: Command = {
  name: "size",
  summary: "size report and budget of the finished files",
  async run(ctx) {
    const config = await loadSessionConfig(ctx);
    const path = join(ctx.flags.out, config.app.version, "manifest.json");
    const manifest = await readManifest(path);
    if (manifest === undefined) {
      throw new ErthError({
        code: "MANIFEST_MISSING",
        message: `there is no release ${config.app.version} in ${ctx.flags.out} (no ${path}).`,
        remedy: "erth package",
      });
    }
    const { reports, problems } = await gate({ config, manifest, outFolder: ctx.flags.out, since: ctx.flags.since });
    if (ctx.flags.markdown) {
      const text = renderSizeMarkdown({ name: manifest.name, version: manifest.version, reports, problems });
      ctx.report({ type: "result", name: "markdown", value: text, text });
    } else {
      for (const report of reports) ctx.report({ type: "size", report });
    }
    if (ctx.flags.html) {
      const page = join(ctx.flags.out, "size.html");
      const releases = await releasesUpTo(ctx.flags.out, manifest);
      await writeWhole(page, renderSizePage({ manifest, reports, problems, releases }));
      ctx.report({ type: "result", name: "page", value: page, text: ctx.flags.markdown ? "" : `\n  ${page}\n` });
    }
    for (const problem of problems) ctx.report({ type: "problem", ...problem });
    return problems.length > 0 ? EXIT.overBudget : EXIT.done;
  },
};
