/**
 * Signs a whole `.app`, inside out: every piece of code wherever it lies, then
 * the seal of each bundle over it, each bundle's main executable last. The
 * signed app is a new folder; the one that was given is only read, unless
 * they are to be the same.
 */
import { constants } from "node:fs";
import { chmod, copyFile, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ErthError, ProblemsError } from "../../runtime/base/errors.ts";
import {
  type Bundle,
  bundleAt,
  codeResourcesPath,
  findBundles,
  readInfoPlist,
  sealedPaths,
  type SealedPath,
} from "./bundle.ts";
import { type BundleEntry, isCodeFile, readBundleTree, treeProblems } from "./bundle-tree.ts";
import { encodeCodeResources, type ResourceSeal } from "./code-resources.ts";
import { defaultEntitlements } from "./default-entitlements.ts";
import type { Entitlements } from "./entitlements.ts";
import { layoutProblems } from "./bundle-layout.ts";
import { hashFile } from "./hash-file.ts";
import { replaceFolder, requireFree, syncFiles } from "./replace-folder.ts";
import { isExcluded } from "./resource-rules.ts";
import { type CodeSigningOptions, signMachO, type SignedMachO } from "./sign-mach-o.ts";
import { partName } from "./whole-output.ts";

export interface SignAppOptions extends CodeSigningOptions {
  readonly app: string;
  /** Absent: the app itself is replaced when all of it is signed. */
  readonly output?: string | undefined;
  /**
   * By path from the app's folder (`Contents/MacOS/bun`); nothing is taken over from an old signature.
   * Absent: programs built on Bun, and Node's single executable applications, get what their runtime needs.
   */
  readonly entitlements?: ((path: string) => Entitlements | undefined | Promise<Entitlements | undefined>) | undefined;
  /** For code that is no bundle's main executable; default: the app's identifier, a dot, the file's name without its extension. */
  readonly identifier?: ((path: string) => string | undefined) | undefined;
  /** False where the caller can make the app again, and finds out when it has to: nothing waits for the disk. */
  readonly isDurable?: boolean | undefined;
}

export interface SignedCode extends SignedMachO {
  /** From the app's folder. */
  readonly path: string;
  readonly identifier: string;
}

/**
 * Signs and returns every signed file, the app's main executable last. Throws
 * `ProblemsError` with all links, loose files and leftovers that cannot be
 * sealed, `BUNDLE_CHANGED` when the app was written to meanwhile, and what
 * `signMachO` throws; nothing is then left behind.
 */
export async function signApp(options: SignAppOptions): Promise<readonly SignedCode[]> {
  const app = resolve(options.app);
  const output = resolve(options.output ?? app);
  if (output !== app) await requireFree(output);
  const entries = await readBundleTree(app);
  const bundles = await findBundles(app, entries);
  const code = await codeFiles(app, entries);
  const problems = [...(await treeProblems(app, entries)), ...layoutProblems(bundles, entries, code)];
  if (problems.length > 0) throw new ProblemsError(problems);

  const temporary = partName(output);
  try {
    const signed = await signInto(temporary, { options, app, entries, bundles, code });
    await requireUnchanged(app, entries);
    await replaceFolder(temporary, output);
    return signed;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** The paths of all code in a tree. */
export async function codeFiles(app: string, entries: readonly BundleEntry[]): Promise<ReadonlySet<string>> {
  const code = new Set<string>();
  for (const { kind, path } of entries) if (kind === "file" && (await isCodeFile(join(app, path)))) code.add(path);
  return code;
}

interface Work {
  readonly options: SignAppOptions;
  readonly app: string;
  readonly entries: readonly BundleEntry[];
  readonly bundles: readonly Bundle[];
  readonly code: ReadonlySet<string>;
}

async function signInto(folder: string, work: Work): Promise<readonly SignedCode[]> {
  const { options, app, entries, bundles, code } = work;
  const signed = new Map<string, SignedCode>();
  const seals = new Map<string, ResourceSeal>();
  const main = new Set(bundles.map(({ executable }) => executable));
  const appIdentifier = bundles.at(-1)?.identifier ?? "";

  const sign = async (
    path: string,
    identifier: string,
    sealed: Pick<Parameters<typeof signMachO>[0], "infoPlist" | "codeResources">,
  ) => {
    const input = join(app, path);
    const result = await signMachO({
      ...options,
      ...sealed,
      input,
      output: join(folder, path),
      identifier,
      entitlements: options.entitlements ? await options.entitlements(path) : await defaultEntitlements(input),
      isDurable: false,
    });
    signed.set(path, { ...result, path, identifier });
  };

  // 1. Everything that is not signed itself is copied, without old seals.
  await mkdir(folder, { recursive: true });
  for (const entry of entries) {
    options.signal?.throwIfAborted();
    if (isOldSeal(entry.path, bundles)) continue;
    const target = join(folder, entry.path);
    if (entry.kind === "folder") await mkdir(target);
    else if (entry.kind === "link") await symlink(entry.target, target);
    else if (entry.kind === "file" && !code.has(entry.path)) {
      await copyFile(join(app, entry.path), target, constants.COPYFILE_FICLONE);
      await chmod(target, entry.mode);
    }
  }
  // 2. Code that is no bundle's main executable, in any order: no file's signature depends on another's.
  for (const path of code) {
    if (!main.has(path)) await sign(path, options.identifier?.(path) ?? nestedIdentifier(appIdentifier, path), {});
  }
  // 3. Bundles, the deepest first: the seal over what is in them, then the main executable over the seal.
  for (const bundle of bundles) {
    for (const sealed of sealedPaths(bundle, entries)) {
      const seal = await sealOf(folder, sealed, work, signed);
      if (seal !== undefined) seals.set(sealed.path, seal);
    }
    const codeResources = encodeCodeResources(seals);
    seals.clear();
    const place = join(folder, codeResourcesPath(bundle));
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, codeResources);
    await sign(bundle.executable, bundle.identifier, { infoPlist: await readInfoPlist(folder, bundle), codeResources });
  }
  // 4. Folders get their permissions last: one that is not writable could not be filled.
  for (const entry of entries.toReversed()) {
    if (entry.kind === "folder" && !isOldSeal(entry.path, bundles)) await chmod(join(folder, entry.path), entry.mode);
  }
  if (options.isDurable ?? true) await syncFiles(folder);
  return Array.from(signed.values());
}

/** Old signatures of bundles, and tickets stapled to them. */
function isOldSeal(path: string, bundles: readonly Bundle[]): boolean {
  return bundles.some(({ sealRoot }) => {
    const inside = path.startsWith(`${sealRoot}/`) ? path.slice(sealRoot.length + 1) : undefined;
    return inside !== undefined && isExcluded(inside) && !inside.startsWith("_MASReceipt");
  });
}

/** Always the same for the same app, and no other app's. */
export function nestedIdentifier(appIdentifier: string, path: string): string {
  const stem = basename(path).replace(/(?<=.)\.(?:dylib|node|so|bundle)$/, "");
  return `${appIdentifier}.${stem.replaceAll(/[^A-Za-z0-9_.+-]/g, "-")}`;
}

async function sealOf(
  folder: string,
  { entry, isNested }: SealedPath,
  { bundles, entries }: Work,
  signed: ReadonlyMap<string, SignedCode>,
): Promise<ResourceSeal | undefined> {
  if (entry.kind === "link") return { kind: "link", target: entry.target };
  if (isNested) {
    const inner = entry.kind === "folder" ? bundleAt(bundles, entries, entry.path) : undefined;
    const result = signed.get(inner?.executable ?? entry.path);
    const [slice] = result?.slices ?? [];
    if (result === undefined || slice === undefined) throw new Error(`${entry.path} was not signed before its bundle`);
    return { kind: "nested", cdHash: slice.cdHash, requirement: result.designatedRequirement };
  }
  if (entry.kind !== "file") return undefined;
  return { kind: "file", ...(await hashFile(join(folder, entry.path))) };
}

async function requireUnchanged(app: string, before: readonly BundleEntry[]): Promise<void> {
  const after = await readBundleTree(app);
  const describe = (entry: BundleEntry): string => JSON.stringify(entry);
  const known = new Set(before.map(describe));
  const changed =
    after.find((entry) => !known.delete(describe(entry)))?.path ??
    before.find((entry) => known.has(describe(entry)))?.path;
  if (changed === undefined) return;
  throw new ErthError({
    code: "BUNDLE_CHANGED",
    message: `${changed} changed while ${basename(app)} was signed.`,
    remedy: "stop what writes to the app, then: erth sign",
    facts: { path: changed },
  });
}
