/**
 * The same volume by Apple's own tool, on a Mac that has it:
 *
 *   hdiutil create -volname <name> -srcfolder <folder> -fs HFS+ -format ULMO -ov <file>.dmg
 *
 * It does not give the same bytes twice, sets no icon on the volume and no
 * licence; nothing here has been run on a Mac.
 */
import { chmod, copyFile, mkdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Problem } from "../../../../runtime/base/errors.ts";
import type { Part } from "../../../config/resolved-config.ts";
import { locate } from "../../../tools/locate.ts";
import type { TargetContext } from "../../stage.ts";
import { bytesByPart, noBytes, type AppTree } from "../app-tree.ts";
import type { DmgVolume } from "./volume.ts";

/** Why this machine cannot, or nothing. */
export async function hdiutilProblems(): Promise<readonly Problem[]> {
  if (await locate("hdiutil")) return [];
  return [
    {
      code: "TOOL_MISSING",
      message: 'package.dmg.tool is "hdiutil", which only a Mac has, and it is not on PATH.',
      remedy: 'set package.dmg.tool to "erth", which writes disk images on any machine',
    },
  ];
}

export interface HdiutilRequest {
  readonly ctx: TargetContext;
  readonly volume: DmgVolume;
  readonly tree: AppTree;
  readonly format: "ULMO" | "UDZO";
  /** Absolute. */
  readonly path: string;
}

/** Has the image written; its bytes are shared out by length, because nobody else knows. */
export async function writeWithHdiutil(request: HdiutilRequest): Promise<Readonly<Record<Part, number>>> {
  const { ctx, volume, tree, format, path } = request;
  const folder = join(ctx.workFolder, "volume");
  await mkdir(folder);
  try {
    for (const item of volume.volume.items) {
      const target = join(folder, item.path);
      const source = volume.sources.get(item.path);
      if (item.kind === "folder") await mkdir(target);
      else if (item.kind === "link") await symlink(item.target, target);
      else if (source && "file" in source) await copyFile(source.file, target);
      else await writeFile(target, source?.bytes ?? "");
      if (item.kind === "file") await chmod(target, item.isExecutable ? 0o755 : 0o644);
    }
    const { name } = volume.volume;
    const create = ["create", "-volname", name, "-srcfolder", folder, "-fs", "HFS+", "-format", format, "-ov", path];
    await ctx.exec("hdiutil", create, { signal: ctx.signal });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const { size } = await stat(path);
  const compressedBytes = noBytes();
  for (const [part, bytes] of Object.entries(bytesByPart(tree.slices)) as [Part, number][]) {
    compressedBytes[part] = Math.floor((size * bytes) / Math.max(1, tree.fileBytes));
  }
  compressedBytes.container += size - Object.values(compressedBytes).reduce((sum, bytes) => sum + bytes, 0);
  return compressedBytes;
}
