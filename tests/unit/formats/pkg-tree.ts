/** A small app as a package installs it, for the tests of the package's parts. */
import { chmod, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { listTree } from "../../../build/artifacts/digest.ts";
import { encodeBom } from "../../../build/formats/bom.ts";
import { encodeCpioEnd, encodeCpioHeader } from "../../../build/formats/cpio.ts";
import { plainDeflate } from "../../../build/formats/deflate-run.ts";
import { writePkg } from "../../../build/formats/pkg.ts";
import type { PkgFacts } from "../../../build/formats/pkg-metadata.ts";
import { writeXar } from "../../../build/formats/xar-writer.ts";
import type { PackedEntry } from "../../../build/formats/zip-file.ts";
import { writeThrough } from "../../support/containers.ts";
import { scratchFolder } from "../../support/scratch.ts";

export const PKG_FACTS: PkgFacts = {
  identifier: "dev.example.notes",
  version: "1.2.3",
  title: "Plain & Nötes 漢字",
  bundleName: "Plain Nötes 漢字.app",
  bundleVersions: { CFBundleShortVersionString: "1.2.3", CFBundleVersion: "1.2.3" },
  installLocation: "/Applications",
  domain: "system",
  hostArchitectures: ["arm64"],
  minimumSystem: "13.0",
};

/** The entries of a tree below a folder of this name; the tree's own where there is none. */
export async function packedTree(root: string, name?: string): Promise<readonly PackedEntry[]> {
  const entries: PackedEntry[] = name === undefined ? [] : [{ kind: "folder", name }];
  for (const { path, kind, bytes, isExecutable, link } of await listTree(root)) {
    const inner = name === undefined ? path : `${name}/${path}`;
    if (kind === "folder") entries.push({ kind, name: inner });
    else if (kind === "link") entries.push({ kind, name: inner, target: link ?? "" });
    else entries.push({ kind, name: inner, file: join(root, path), bytes, isExecutable });
  }
  return entries;
}

/** A tree with one of each kind of entry, and two scripts. */
export async function smallTree(): Promise<{ readonly root: string; readonly scripts: string }> {
  const folder = await scratchFolder();
  const [root, scripts] = [join(folder, "app"), join(folder, "scripts")];
  await mkdir(join(root, "Contents/MacOS"), { recursive: true });
  await mkdir(join(root, "Contents/Empty"));
  await mkdir(scripts);
  await writeFile(join(root, "Contents/Info.plist"), "<plist/>\n");
  await writeFile(join(root, "Contents/MacOS/notes"), Buffer.alloc(700_000, "code "));
  await writeFile(join(root, "Contents/é̈ 漢字"), "");
  await chmod(join(root, "Contents/MacOS/notes"), 0o755);
  await symlink("MacOS/notes", join(root, "Contents/start"));
  await writeFile(join(scripts, "postinstall"), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
  await writeFile(join(scripts, "words.txt"), "for the script");
  return { root, scripts };
}

export interface SmallPkgOptions {
  readonly root?: string;
  readonly scripts?: string | null;
  readonly facts?: Partial<PkgFacts>;
}

/** Writes a package and returns its path. */
export async function smallPkg(options: SmallPkgOptions = {}): Promise<string> {
  const tree = await smallTree();
  const path = join(await scratchFolder(), "x.pkg");
  const facts = { ...PKG_FACTS, ...options.facts };
  const scripts = options.scripts === null ? [] : await packedTree(options.scripts ?? tree.scripts);
  const entries = await packedTree(options.root ?? tree.root, facts.bundleName);
  await writePkg(path, { facts, entries, scripts, deflate: plainDeflate(6), signal: new AbortController().signal });
  return path;
}

/** A package of this Payload, whose Bom lists the root alone; `component` "" has no folder for it. */
export async function hostilePkg(payload: Uint8Array, component = "a.pkg"): Promise<Buffer> {
  const path = join(await scratchFolder(), "x.pkg");
  const bom = encodeBom([{ path: ".", kind: "folder", mode: 0, modifiedAt: 0, bytes: 0, checksum: 0 }]);
  const members = [
    { name: "Bom", content: bom },
    { name: "Payload", content: payload },
    { name: "PackageInfo", content: Buffer.from("<pkg-info/>") },
  ];
  const all = component === "" ? members : [{ name: component, members }];
  await writeThrough(path, (sink) => writeXar(sink, all, new Date(0)));
  return readFile(path);
}

/** Path, mode, content, and the size that is said of it. */
export type CpioItem = readonly [path: string, mode: number, content: Uint8Array, bytes?: number];

export function cpioOf(...entries: readonly CpioItem[]): Buffer {
  const members = entries.flatMap(([path, mode, content, bytes = content.length], index) => [
    encodeCpioHeader({ path, mode, modifiedAt: 0, linkCount: 1, bytes }, index),
    content,
  ]);
  return Buffer.concat([...members, encodeCpioEnd(0, entries.length)]);
}
