/**
 * What a package of Linux installs below a prefix, `/usr` for a package
 * manager and any folder for a user who unpacks it: the Filesystem Hierarchy
 * Standard's places for the app, its launcher, and what desktops look for.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ProblemsError } from "../../../runtime/base/errors.ts";
import type { Launch } from "../../artifacts/artifact.ts";
import type { ResolvedConfig } from "../../config/resolved-config.ts";
import type { ArchiveEntry } from "../../formats/archive-entry.ts";
import { renderMimeInfo } from "../../formats/mime-info.ts";
import { hasPngSignature } from "../../formats/png.ts";
import type { AppTree } from "./app-tree.ts";
import { desktopEntryOf, metainfoOf } from "./linux-desktop.ts";
import type { PackageRequest } from "./package-format.ts";

export interface LinuxTree {
  /** Sorted by the bytes of their paths, which are relative to the prefix; a folder comes before what is in it. */
  readonly entries: readonly ArchiveEntry[];
  /** Bytes of the files that are not the app's own. */
  readonly extraBytes: number;
}

/** Config that shapes the tree, for a stage's key; the icon's own bytes are a file that it reads. */
export function linuxTreeReads({ app, package: { linux } }: ResolvedConfig): unknown {
  return { app: { ...app, icon: undefined }, linux };
}

/** Lays the tree out. Throws `PACKAGE_NAME` for names that lists of files cannot hold, all at once. */
export async function linuxTree(request: PackageRequest): Promise<LinuxTree> {
  const { ctx, app, tree } = request;
  const { slug, identifier } = ctx.config.app;
  const { fileTypes } = ctx.config.package.linux;
  assertNames(tree);
  const text = (path: string, content: string): ArchiveEntry => file(path, Buffer.from(content));
  const extra: readonly ArchiveEntry[] = [
    { ...file(`bin/${slug}`, Buffer.from(launcher(slug, app.facts.launch))), isExecutable: true },
    text(`share/applications/${identifier}.desktop`, desktopEntryOf(ctx.config, app.facts.shell, slug)),
    text(`share/metainfo/${identifier}.metainfo.xml`, metainfoOf(ctx.config)),
    text(`share/doc/${slug}/copyright`, copyright(ctx.config)),
    ...(fileTypes.length > 0 ? [text(`share/mime/packages/${identifier}.xml`, renderMimeInfo(fileTypes))] : []),
    ...(await iconFiles(request)),
  ];
  const entries = withFolders([...appEntries(`lib/${slug}`, tree), ...extra]);
  const extraBytes = extra.reduce((sum, entry) => sum + ("content" in entry ? lengthInMemory(entry) : 0), 0);
  return { entries, extraBytes };
}

/** Whether a path below the prefix belongs to the tree and not to the app. */
export function isBesideApp(path: string): boolean {
  return path === "" || path === "lib" || /^(?:bin|share)(?:\/|$)/.test(path);
}

function lengthInMemory(entry: Extract<ArchiveEntry, { kind: "file" }>): number {
  return "bytes" in entry.content ? entry.content.bytes.length : 0;
}

function file(path: string, bytes: Uint8Array): Extract<ArchiveEntry, { kind: "file" }> {
  return { kind: "file", path, isExecutable: false, content: { bytes } };
}

function appEntries(folder: string, tree: AppTree): readonly ArchiveEntry[] {
  return [
    { kind: "folder", path: folder },
    ...tree.entries.map((entry): ArchiveEntry => {
      const path = `${folder}/${entry.path}`;
      if (entry.kind === "folder") return { kind: "folder", path };
      if (entry.kind === "link") return { kind: "link", path, target: entry.link ?? "" };
      const content = { file: join(tree.root, entry.path), offset: 0, length: entry.bytes };
      return { kind: "file", path, isExecutable: entry.isExecutable, content };
    }),
  ];
}

/** dpkg keeps its lists of files line by line. */
function assertNames(tree: AppTree): void {
  const problems = tree.entries
    .filter(({ path, link }) => /[\n\r]/.test(`${path}${link ?? ""}`))
    .map(({ path }) => ({
      code: "PACKAGE_NAME",
      message: `the app has a file ${JSON.stringify(path)}, and a package cannot hold a name with a line break.`,
      remedy: "rename the file, then erth package",
    }));
  if (problems.length > 0) throw new ProblemsError(problems);
}

/**
 * Starts the app as its launch facts say, from wherever it was unpacked, also
 * through a link. The app's working folder is its own, as with the single file.
 */
function launcher(slug: string, { executable, args, cwd, env }: Launch): string {
  const variables = Object.entries(env).map(([name, value]) => `export ${name}=${quote(value)}\n`);
  const words = [...args.map(quote), '"$@"'].join(" ");
  return `#!/bin/sh
app=$(dirname -- "$(readlink -f -- "$0")")/../lib/${slug}
cd -- "$app"${cwd === "" ? "" : `/${quote(cwd)}`} || exit
${variables.join("")}exec "$app"/${quote(executable)} ${words}
`;
}

/** A word for sh that means itself. */
function quote(word: string): string {
  return /^[A-Za-z0-9_./:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The sizes that the index of the hicolor theme lists; icons in other folders are never found. */
const HICOLOR_SIZES: ReadonlySet<number> = new Set([16, 22, 24, 32, 36, 48, 64, 72, 96, 128, 192, 256, 512]);

/** The icon theme's sizes, and the drawing itself where there is one. */
async function iconFiles({ ctx, icons }: PackageRequest): Promise<readonly ArchiveEntry[]> {
  const { icon, identifier } = ctx.config.app;
  const theme = "share/icons/hicolor";
  const sizes = icons.facts.sizes.filter((size) => HICOLOR_SIZES.has(size));
  const pictures = sizes.map(async (size) =>
    file(`${theme}/${size}x${size}/apps/${identifier}.png`, await readFile(join(icons.path, `icon-${size}.png`))),
  );
  const source = await readFile(icon);
  const drawing = hasPngSignature(source) ? [] : [file(`${theme}/scalable/apps/${identifier}.svg`, source)];
  return [...(await Promise.all(pictures)), ...drawing];
}

/** Machine-readable debian/copyright file, version 1.0. */
function copyright({ app, package: { linux } }: ResolvedConfig): string {
  const source = linux.homepage === undefined ? "" : `Source: ${linux.homepage}\n`;
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ${app.name}
${source}
Files: *
Copyright: ${app.publisher}
License: ${linux.license}
`;
}

function withFolders(entries: readonly ArchiveEntry[]): readonly ArchiveEntry[] {
  const byPath = new Map<string, ArchiveEntry>();
  for (const entry of entries) {
    const names = entry.path.split("/");
    for (let depth = 1; depth < names.length; depth += 1) {
      const path = names.slice(0, depth).join("/");
      if (!byPath.has(path)) byPath.set(path, { kind: "folder", path });
    }
    byPath.set(entry.path, entry);
  }
  const keyed = [...byPath.values()].map((entry) => ({ entry, key: Buffer.from(entry.path) }));
  return keyed.sort((a, b) => Buffer.compare(a.key, b.key)).map(({ entry }) => entry);
}
