/** Stage: the app folder → one file for the user. */
import { join } from "node:path";
import { osOf, type TargetOs } from "../plan/target.ts";
import { bytesByPart, readAppTree } from "./package/app-tree.ts";
import type { PackageFormat } from "./package/package-format.ts";
import { singleFile } from "./package/single-file.ts";
import { zipApp } from "./package/zip-app.ts";
import { targetStage } from "./stage.ts";

/** What each OS gets. */
const FORMATS: Readonly<Record<TargetOs, PackageFormat>> = {
  linux: singleFile, // runs where it lies
  darwin: zipApp, // an .app, unpacked by a double click
  win32: zipApp,
};

export const packageApp = targetStage<"app", "installer">({
  id: "package",
  version: 1,
  scope: "target",
  needs: ["app"],
  makes: ["installer"],
  reads(ctx) {
    const { values, files } = FORMATS[osOf(ctx.target.target)].reads(ctx);
    return { values: { fileName: ctx.target.fileName, values }, files };
  },
  async run(ctx, { app }) {
    const format = FORMATS[osOf(ctx.target.target)];
    const tree = await readAppTree(app);
    const path = join(ctx.workFolder, ctx.target.fileName);
    const { compressedBytes, containerDiskBytes } = await format.write({ ctx, app, tree, path });
    const diskBytes = { ...bytesByPart(tree.slices), container: containerDiskBytes };
    return [
      { kind: "installer", path, facts: { format: format.id, shell: app.facts.shell, compressedBytes, diskBytes } },
    ];
  },
});
