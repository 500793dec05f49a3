/**
 * What an AppImage shows of itself: the AppDir of the AppImageSpec. The app is
 * in `AppRun`; around it lies what desktops and software centres look for.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { APPRUN_ALIGN_BYTES } from "../../formats/appimage.ts";
import { renderMimeInfo } from "../../formats/mime-info.ts";
import type { SquashfsEntry } from "../../formats/squashfs.ts";
import { desktopEntryOf, metainfoOf } from "./linux-desktop.ts";
import type { PackageRequest } from "./package-format.ts";

export const APPRUN = "AppRun";
const DIR_ICON_SIZE = 256;
const THEME = "usr/share/icons/hicolor";

/** The entries of the AppDir; the content of `AppRun`, of this length, comes last. */
export async function appDirEntries(
  { ctx, app, icons }: PackageRequest,
  appRunBytes: number,
): Promise<SquashfsEntry[]> {
  const { identifier, version } = ctx.config.app;
  const pictures = await Promise.all(
    [...icons.facts.sizes]
      .sort((a, b) => a - b)
      .map(async (size) => ({ size, png: await readFile(join(icons.path, `icon-${size}.png`)) })),
  );
  const large = pictures.find(({ size }) => size >= DIR_ICON_SIZE) ?? pictures.at(-1);
  if (large === undefined) throw new Error("the app has no icon");
  const desktop = `${desktopEntryOf(ctx.config, app.facts.shell, APPRUN)}X-AppImage-Version=${version}\n`;
  const { fileTypes } = ctx.config.package.linux;
  const texts: Readonly<Record<string, string>> = {
    [`${identifier}.desktop`]: desktop,
    [`usr/share/applications/${identifier}.desktop`]: desktop,
    // The AppImageSpec's name for it; software centres take both.
    [`usr/share/metainfo/${identifier}.appdata.xml`]: metainfoOf(ctx.config),
    ...(fileTypes.length > 0 ? { [`usr/share/mime/packages/${identifier}.xml`]: renderMimeInfo(fileTypes) } : {}),
  };
  const files: readonly (readonly [path: string, content: Uint8Array])[] = [
    ...Object.entries(texts).map(([path, text]) => [path, Buffer.from(text)] as const),
    [`${identifier}.png`, large.png],
    [".DirIcon", large.png],
    ...pictures.map(({ size, png }) => [`${THEME}/${size}x${size}/apps/${identifier}.png`, png] as const),
  ];
  return [
    ...foldersOf(files.map(([path]) => path)),
    ...files.map(([path, content]): SquashfsEntry => ({ kind: "file", path, mode: 0o644, content })),
    {
      kind: "file",
      path: APPRUN,
      mode: 0o755,
      content: { bytes: appRunBytes, alignBytes: APPRUN_ALIGN_BYTES },
    },
  ];
}

/** Every folder on the way to these files, a folder before what is in it. */
function foldersOf(paths: readonly string[]): readonly SquashfsEntry[] {
  const folders = new Set<string>();
  for (const path of paths) {
    const names = path.split("/").slice(0, -1);
    for (const depth of names.keys()) folders.add(names.slice(0, depth + 1).join("/"));
  }
  return [...folders].map((path) => ({ kind: "folder", path, mode: 0o755 }));
}
