/**
 * Sidecar entry → `main.js`, the same for every target, with `metafile.json`
 * (what is in it and why) and `natives.json` (which addons it will ask for).
 */
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { ProblemsError } from "../../runtime/base/errors.ts";
import { bundleWeights } from "../sidecars/bundle-weights.ts";
import { bundleSidecar } from "../sidecars/bundle.ts";
import { parseDatabaseManifest } from "../sidecars/database-plugin.ts";
import { nativeProblems, nativesManifest } from "../sidecars/natives.ts";
import { appStage } from "./stage.ts";

/** Without `reads`: only bundling tells which files are read, and it is quick. */
export const sidecarBundle = appStage({
  id: "sidecar-bundle",
  version: 1,
  scope: "app",
  needs: ["database"],
  makes: ["sidecar-bundle"],
  async run(ctx, inputs) {
    const { config, plan, vendor, workFolder } = ctx;
    const database = parseDatabaseManifest(await readFile(join(inputs.database.path, "database.json"), "utf8"));
    const { code, metafile, families, files, warnings } = await bundleSidecar({
      entry: config.sidecar.entry,
      root: config.root,
      identifier: config.app.identifier,
      database,
      bunOnly: plan.targets.every(({ sidecar }) => sidecar === "bun"),
    });
    for (const warning of warnings) ctx.warn(warning);
    const targets = plan.targets.map(({ target }) => target);
    const problems = await nativeProblems(families, files, targets);
    if (problems.length > 0) {
      throw new ProblemsError(
        problems.map((problem) => ({ ...problem, message: problem.message.replaceAll(config.root + sep, "") })),
      );
    }

    const folder = join(workFolder, "sidecar-bundle");
    await mkdir(join(folder, "natives"), { recursive: true });
    await writeFile(join(folder, "main.js"), code);
    await writeFile(join(folder, "metafile.json"), `${JSON.stringify(metafile, undefined, 1)}\n`);
    const natives = nativesManifest(families, files, vendor);
    await writeFile(join(folder, "natives.json"), `${JSON.stringify(natives, undefined, 1)}\n`);
    for (const { name, path } of files) await copyFile(path, join(folder, "natives", `${name}.node`));
    const inside = relative(config.root, config.sidecar.entry);
    ctx.log(`${inside}: ${code.length} bytes of script, ${families.length + files.length} native addon(s)`);
    return [
      {
        kind: "sidecar-bundle",
        path: folder,
        facts: { natives: [...families, ...files].map(({ name }) => name), packages: bundleWeights(metafile) },
      },
    ];
  },
});
