/**
 * What is on the disk image: the app, the link to drag it to, and what the
 * Finder needs to show both nicely.
 */
import { join } from "node:path";
import { ErthError } from "../../../../runtime/base/errors.ts";
import type { Part } from "../../../config/resolved-config.ts";
import { encodeAlias } from "../../../formats/alias-record.ts";
import { encodeFinderWindow, type FinderIcon } from "../../../formats/finder-window.ts";
import type { Slice } from "../../../formats/frames.ts";
import { cnidOf, type HfsPlusItem, type HfsPlusVolume } from "../../../formats/hfs-plus.ts";
import { FINDER_FLAG } from "../../../formats/hfs-plus-records.ts";
import type { DmgConfig } from "../../../config/package/dmg.ts";
import type { AppTree } from "../app-tree.ts";

/** Where the bytes of a file on the volume come from. */
export type ContentSource = { readonly file: string } | { readonly bytes: Uint8Array };

export interface DmgVolume {
  readonly volume: HfsPlusVolume;
  /** By path on the volume; links are their own content. */
  readonly sources: ReadonlyMap<string, ContentSource>;
  /** The app's segments by path on the volume. */
  readonly slices: ReadonlyMap<string, readonly Slice<Part>[]>;
}

export interface VolumeRequest {
  /** `ERTH Assistant.app` */
  readonly bundleName: string;
  readonly tree: AppTree;
  readonly window: DmgConfig;
  readonly background: Background;
}

export interface Background {
  /** `background.tiff` */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The first moment that a zip can express, which the other containers have too. */
const DATE = new Date("1980-01-01T00:00:00Z");
const APPLICATIONS = "Applications";
const BACKGROUND_FOLDER = ".background";
const VOLUME_ICON = ".VolumeIcon.icns";
const WINDOW_STATE = ".DS_Store";
/** Names that a volume has besides the app. */
export const OTHER_NAMES: readonly string[] = [APPLICATIONS, BACKGROUND_FOLDER, VOLUME_ICON, WINDOW_STATE];
const APP_ICON = "Contents/Resources/AppIcon.icns";
/** Of the window: where the two icons are. */
const PLACES = { app: 0.27, applications: 0.73, height: 0.45 } as const;

/** The volume's name: the app's, as its bundle has it. */
export function volumeNameOf(bundleName: string): string {
  return bundleName.replace(/\.app$/, "");
}

export interface WindowPlaces {
  readonly app: { readonly x: number; readonly y: number };
  readonly applications: { readonly x: number; readonly y: number };
}

/** Centres of the two icons, in points. Throws `DMG_WINDOW` where they do not fit beside each other. */
export function windowPlaces({ windowSize: { width, height }, iconSize }: DmgConfig): WindowPlaces {
  if (width < 3 * iconSize || height < 2 * iconSize) {
    throw new ErthError({
      code: "DMG_WINDOW",
      message: `a window of ${width} x ${height} points has no room for two icons of ${iconSize}.`,
      remedy: `set package.dmg.windowSize to at least ${3 * iconSize} x ${2 * iconSize}, or a smaller iconSize`,
    });
  }
  const y = Math.round(height * PLACES.height);
  return {
    app: { x: Math.round(width * PLACES.app), y },
    applications: { x: Math.round(width * PLACES.applications), y },
  };
}

/** Large files come after small ones that change with every build, so that both keep their runs. */
export function composeVolume({ bundleName, tree, window, background }: VolumeRequest): DmgVolume {
  const name = volumeNameOf(bundleName);
  const icon = tree.entries.find(({ path, kind }) => path === APP_ICON && kind === "file");
  const items: HfsPlusItem[] = [];
  const sources = new Map<string, ContentSource>();
  const addBytes = (path: string, bytes: Uint8Array, finderFlags = 0): void => {
    items.push({ kind: "file", path, bytes: bytes.length, isExecutable: false, finderFlags });
    sources.set(path, { bytes });
  };

  // 1. The picture comes first: its catalog node ID is in the alias that names it.
  const backgroundPath = `${BACKGROUND_FOLDER}/${background.name}`;
  items.push({ kind: "folder", path: BACKGROUND_FOLDER, finderFlags: FINDER_FLAG.isInvisible });
  addBytes(backgroundPath, background.bytes);
  const alias = encodeAlias({
    volumeName: name,
    date: DATE,
    folder: { name: BACKGROUND_FOLDER, cnid: cnidOf(0) },
    file: { name: background.name, cnid: cnidOf(1) },
  });

  // 2. The window. Who shows hidden files finds them below the others.
  const { width, height } = window.windowSize;
  const places = windowPlaces(window);
  const hidden = OTHER_NAMES.filter((other) => other !== APPLICATIONS);
  const icons: FinderIcon[] = [
    { name: bundleName, ...places.app },
    { name: APPLICATIONS, ...places.applications },
    ...hidden.map((other, at) => ({ name: other, x: Math.round((width * (at + 1)) / 4), y: height + window.iconSize })),
  ];
  const { iconSize, textSize } = window;
  const state = encodeFinderWindow({ width, height, iconSize, textSize, icons, background: alias });
  addBytes(WINDOW_STATE, state, FINDER_FLAG.isInvisible);
  items.push({ kind: "link", path: APPLICATIONS, target: "/Applications" });

  // 3. The app. The volume's icon is the app's.
  if (icon) {
    const { bytes } = icon;
    const finderFlags = FINDER_FLAG.isInvisible;
    items.push({ kind: "file", path: VOLUME_ICON, bytes, isExecutable: false, finderFlags });
    sources.set(VOLUME_ICON, { file: join(tree.root, APP_ICON) });
  }
  items.push({ kind: "folder", path: bundleName });
  for (const { path, kind, bytes, isExecutable, link } of inOrder(tree)) {
    const there = `${bundleName}/${path}`;
    if (kind === "folder") items.push({ kind, path: there });
    else if (kind === "link") items.push({ kind, path: there, target: link ?? "" });
    else {
      items.push({ kind, path: there, bytes, isExecutable });
      sources.set(there, { file: join(tree.root, path) });
    }
  }
  const slices = Map.groupBy(tree.slices, ({ path }) => `${bundleName}/${path}`);
  return { volume: { name, date: DATE, items, finderFlags: icon ? FINDER_FLAG.hasCustomIcon : 0 }, sources, slices };
}

/** Folders and links, then files by part, so that what changes together lies together; large ones last. */
function inOrder(tree: AppTree): AppTree["entries"] {
  const partOf = new Map(tree.slices.map(({ path, part }) => [path, part]));
  const rank = ({ kind, bytes }: AppTree["entries"][number]): number =>
    kind !== "file" ? 0 : bytes < LARGE_BYTES ? 1 : 2;
  return [...tree.entries].sort((a, b) => {
    if (rank(a) !== rank(b)) return rank(a) - rank(b);
    const [partA, partB] = [partOf.get(a.path) ?? "", partOf.get(b.path) ?? ""];
    if (rank(a) === 1 && partA !== partB) return partA < partB ? -1 : 1;
    return a.path < b.path ? -1 : 1;
  });
}

/** From here on a file has runs of its own. */
export const LARGE_BYTES = 1 << 20;
