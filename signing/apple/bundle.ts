/**
 * Bundles: folders that are signed as one, by their main executable. An app
 * and its kin keep everything in `Contents`; a framework keeps it in
 * `Versions/A`, or in itself. Follows Apple's Bundle Programming Guide.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parsePlist } from "../../build/formats/plist-parse.ts";
import { ErthError, systemCode } from "../../runtime/base/errors.ts";
import type { BundleEntry } from "./bundle-tree.ts";
import { isExcluded, RULES_2, ruleOf } from "./resource-rules.ts";

export interface Bundle {
  /** From the tree's root; "" is the root itself. */
  readonly path: string;
  /** The folder that the seal covers, and in which `_CodeSignature` lies; ends in no "/", may be "". */
  readonly sealRoot: string;
  readonly infoPlist: string;
  readonly executable: string;
  readonly identifier: string;
}

/** The seal's file of a bundle, from the tree's root. */
export function codeResourcesPath(bundle: Bundle): string {
  return within(bundle.sealRoot, "_CodeSignature/CodeResources");
}

/** Joins two paths of the tree. */
export function within(folder: string, path: string): string {
  return folder === "" ? path : `${folder}/${path}`;
}

/**
 * The bundles of a tree, the deepest first and the root last. A folder with a
 * dot in its name counts where it has an `Info.plist` that names an
 * executable; everything else is files. Throws `BUNDLE_INVALID` where the root
 * is no bundle.
 */
export async function findBundles(root: string, entries: readonly BundleEntry[]): Promise<readonly Bundle[]> {
  const files = new Set(entries.filter(({ kind }) => kind === "file").map(({ path }) => path));
  const bundles: Bundle[] = [];
  for (const { kind, path } of entries) {
    if (kind !== "folder" || !nameOf(path).includes(".")) continue;
    for (const shape of shapesOf(path, files)) {
      const bundle = await readBundle(root, path, shape, files);
      if (bundle !== undefined) bundles.push(bundle);
    }
  }
  const top = await readBundle(
    root,
    "",
    { sealRoot: "Contents", infoPlist: "Contents/Info.plist", executables: "Contents/MacOS" },
    files,
  );
  if (top === undefined) {
    throw bundleInvalid("Contents/Info.plist is missing, or its CFBundleExecutable is not in Contents/MacOS");
  }
  const depth = ({ sealRoot }: Bundle): number => sealRoot.split("/").length;
  return [...bundles.sort((a, b) => depth(b) - depth(a)), top];
}

interface Shape {
  readonly sealRoot: string;
  readonly infoPlist: string;
  readonly executables: string;
}

/** Where a bundle's parts may lie, for each of its versions. */
function shapesOf(path: string, files: ReadonlySet<string>): readonly Shape[] {
  if (!path.endsWith(".framework")) {
    const contents = `${path}/Contents`;
    return [{ sealRoot: contents, infoPlist: `${contents}/Info.plist`, executables: `${contents}/MacOS` }];
  }
  const versions = new Set<string>();
  for (const file of files) {
    const [version, ...rest] = file.startsWith(`${path}/Versions/`) ? file.slice(path.length + 10).split("/") : [];
    if (version !== undefined && rest.length > 0) versions.add(`${path}/Versions/${version}`);
  }
  const roots = versions.size === 0 ? [path] : Array.from(versions).sort();
  return roots.map((sealRoot) => ({
    sealRoot,
    infoPlist: `${sealRoot}/Resources/Info.plist`,
    executables: sealRoot,
  }));
}

async function readBundle(
  root: string,
  path: string,
  { sealRoot, infoPlist, executables }: Shape,
  files: ReadonlySet<string>,
): Promise<Bundle | undefined> {
  if (!files.has(infoPlist)) return undefined;
  const info = parsePlist(await readFile(join(root, infoPlist)), infoPlist);
  if (!(info instanceof Map)) throw bundleInvalid(`${infoPlist} is no dictionary`);
  const fields: ReadonlyMap<string, unknown> = info;
  const name = fields.get("CFBundleExecutable");
  // Bundles of resources alone are data.
  if (typeof name !== "string") return undefined;
  const executable = `${executables}/${name}`;
  if (name.includes("/") || !files.has(executable)) {
    throw bundleInvalid(`${infoPlist} names the executable "${name}", which ${executables} does not have`);
  }
  const identifier = fields.get("CFBundleIdentifier");
  if (typeof identifier !== "string") throw bundleInvalid(`${infoPlist} has no CFBundleIdentifier`);
  return { path, sealRoot, infoPlist, executable, identifier };
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** What of a tree one bundle seals. */
export interface SealedPath {
  /** From the seal's root. */
  readonly path: string;
  readonly entry: BundleEntry;
  /** Code that is sealed by its own signature: a file, or a folder that is a bundle. */
  readonly isNested: boolean;
}

/**
 * The paths that a bundle seals, in the order of the tree. A folder with a dot
 * in its name among nested code is sealed as a whole; links are never code.
 */
export function sealedPaths(bundle: Bundle, entries: readonly BundleEntry[]): readonly SealedPath[] {
  const prefix = bundle.sealRoot === "" ? "" : `${bundle.sealRoot}/`;
  const sealed: SealedPath[] = [];
  let skipped: string | undefined;
  for (const entry of entries) {
    if (!entry.path.startsWith(prefix) || (skipped !== undefined && entry.path.startsWith(skipped))) continue;
    const path = entry.path.slice(prefix.length);
    if (isExcluded(path) || entry.path === bundle.executable) continue;
    const rule = ruleOf(RULES_2, path);
    const isNested = rule?.isNested === true && entry.kind !== "link";
    if (entry.kind === "folder") {
      if (!isNested || !nameOf(path).includes(".")) continue;
      skipped = `${entry.path}/`;
    } else if (rule === undefined || rule.isOmitted) continue;
    sealed.push({ path, entry, isNested });
  }
  return sealed;
}

/** The `Info.plist` of a folder, as sealed: its bytes. Throws `BUNDLE_INVALID` where it is gone. */
export async function readInfoPlist(root: string, bundle: Bundle): Promise<Uint8Array> {
  try {
    return await readFile(join(root, bundle.infoPlist));
  } catch (error) {
    if (systemCode(error) === "ENOENT") throw bundleInvalid(`${bundle.infoPlist} is missing`);
    throw error;
  }
}

/** The error for a folder that is not what a bundle must be. */
export function bundleInvalid(what: string): ErthError {
  return new ErthError({
    code: "BUNDLE_INVALID",
    message: `The app is not a bundle that can be signed: ${what}.`,
    remedy: "erth build && erth sign",
  });
}

/** The bundle that a folder is: of a framework with several versions the current one. */
export function bundleAt(
  bundles: readonly Bundle[],
  entries: readonly BundleEntry[],
  path: string,
): Bundle | undefined {
  const candidates = bundles.filter((bundle) => bundle.path === path);
  const current = entries.find((entry) => entry.kind === "link" && entry.path === `${path}/Versions/Current`);
  const version = current?.kind === "link" ? `${path}/Versions/${current.target.replace(/\/$/, "")}` : undefined;
  return candidates.find(({ sealRoot }) => sealRoot === version) ?? candidates[0];
}
