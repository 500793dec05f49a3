/** Stages: the app folder, signed or not → one file for the user. */
import { join } from "node:path";
import type { Draft } from "../artifacts/artifact.ts";
import { osOf, type TargetOs } from "../plan/target.ts";
import { bytesByPart, readAppTree, type AppFolder } from "./package/app-tree.ts";
import type { PackageFormat } from "./package/package-format.ts";
import { singleFile } from "./package/single-file.ts";
import { zipApp } from "./package/zip-app.ts";
import { targetStage, type Reads, type TargetContext } from "./stage.ts";

/** What each OS gets. */
const FORMATS: Readonly<Record<TargetOs, PackageFormat>> = {
  linux: singleFile, // runs where it lies
  darwin: zipApp, // an .app, unpacked by a double click
  win32: zipApp,
};

function readsOf(ctx: TargetContext): Reads {
  const { values, files } = FORMATS[osOf(ctx.target.target)].reads(ctx);
  return { values: { fileName: ctx.target.fileName, values }, files };
}

async function pack(ctx: TargetContext, app: AppFolder, signedBy: string | null): Promise<Draft<"installer">> {
  const format = FORMATS[osOf(ctx.target.target)];
  const tree = await readAppTree(app);
  const path = join(ctx.workFolder, ctx.target.fileName);
  const { compressedBytes, containerDiskBytes } = await format.write({ ctx, app, tree, path });
  const diskBytes = { ...bytesByPart(tree.slices), container: containerDiskBytes };
  const { shell } = app.facts;
  return { kind: "installer", path, facts: { format: format.id, signedBy, shell, compressedBytes, diskBytes } };
}

export const packageApp = targetStage({
  id: "package",
  version: 1,
  scope: "target",
  needs: ["app"],
  makes: ["installer"],
  reads: readsOf,
  run: async (ctx, { app }) => [await pack(ctx, app, null)],
});

export const packageSignedApp = targetStage({
  id: "package",
  version: 1,
  scope: "target",
  needs: ["signed-app"],
  makes: ["installer"],
  reads: readsOf,
  run: async (ctx, { "signed-app": app }) => [await pack(ctx, app, app.facts.signedBy)],
});
