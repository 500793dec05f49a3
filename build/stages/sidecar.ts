/** Bundled script → what a target starts: an executable of its own (`pkg`), or a script for the shell's Bun (`bun`). */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { executableSuffix } from "../plan/target.ts";
import { BUN_SCRIPT, buildBunSidecar } from "../sidecars/bun.ts";
import { pkgVersion } from "../sidecars/pkg-frame.ts";
import { buildPkgSidecar } from "../sidecars/pkg.ts";
import { targetParts } from "../sidecars/target-parts.ts";
import { targetStage } from "./stage.ts";

export const sidecar = targetStage({
  id: "sidecar",
  version: 1,
  scope: "target",
  needs: ["sidecar-bundle", "database"],
  makes: ["sidecar"],
  // The addons' locked digests come with the bundle (`natives.json`).
  reads: ({ plan, target }) => ({
    values: { kind: target.sidecar, slug: plan.slug, pkg: pkgVersion() },
    vendor: target.sidecar === "pkg" ? [`node/${target.target}`] : [],
  }),
  async run(ctx, inputs) {
    const { plan, target, vendor, pieces, exec, signal, workFolder } = ctx;
    const parts = await targetParts({
      bundleFolder: inputs["sidecar-bundle"].path,
      databaseFolder: inputs.database.path,
      target: target.target,
      vendor,
      pieces,
      log: (text) => ctx.log(text),
    });
    const main = join(inputs["sidecar-bundle"].path, "main.js");
    const folder = join(workFolder, "sidecar");
    if (target.sidecar === "bun") {
      const segments = await buildBunSidecar({ main, parts, folder });
      return [{ kind: "sidecar", path: folder, facts: { kind: "bun", entry: BUN_SCRIPT, segments } }];
    }
    const entry = `${plan.slug}-sidecar${executableSuffix(target.target)}`;
    await mkdir(folder, { recursive: true });
    const segments = await buildPkgSidecar({
      target: target.target,
      main,
      parts,
      vendor,
      pieces,
      exec,
      signal,
      workFolder,
      output: join(folder, entry),
      log: (text) => ctx.log(text),
      warn: (text) => ctx.warn(text),
    });
    return [{ kind: "sidecar", path: folder, facts: { kind: "pkg", entry, segments: { [entry]: segments } } }];
  },
});
