/**
 * Checks a signed `.app` by parsing alone: every signature in it, and that
 * each bundle's `CodeResources` seals all of its files as they are, no more
 * and no less. Every problem is listed, not the first.
 */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Problem, systemCode } from "../../runtime/base/errors.ts";
import { type Bundle, bundleAt, codeResourcesPath, findBundles, type SealedPath, sealedPaths } from "./bundle.ts";
import { type BundleEntry, isCodeFile, readBundleTree, treeProblems } from "./bundle-tree.ts";
import { codeProblem, problemOf } from "./code-problem.ts";
import { type CodeResources, parseCodeResources, type SealedResource } from "./code-resources.ts";
import { hashFile } from "./hash-file.ts";
import { isExcluded } from "./resource-rules.ts";
import { inspectMachO, type VerifiedMachO, type VerifyCodeOptions } from "./verify-mach-o.ts";
import { requirementText } from "./verify-signature.ts";

export interface VerifyAppOptions extends VerifyCodeOptions {
  readonly app: string;
}

export interface VerifiedApp {
  readonly problems: readonly Problem[];
  readonly bundles: readonly Bundle[];
  /** Every piece of code by its path from the app's folder, in the order of the tree. */
  readonly code: ReadonlyMap<string, VerifiedMachO>;
}

/** Every problem of the app's signatures and seals; none says that they hold. */
export async function verifyApp(options: VerifyAppOptions): Promise<readonly Problem[]> {
  return (await inspectApp(options)).problems;
}

/** Like `verifyApp`, with what was found. Throws only where the app cannot be read. */
export async function inspectApp(options: VerifyAppOptions): Promise<VerifiedApp> {
  const { app } = options;
  const problems: Problem[] = [];
  const entries = await readBundleTree(app);
  problems.push(...(await treeProblems(app, entries)));
  for (const { path } of entries) {
    if (path.includes("/") || path === "Contents") continue;
    problems.push(codeProblem("BUNDLE_UNSEALED", `${path} lies beside Contents, where no seal covers it.`));
  }
  let bundles: readonly Bundle[] = [];
  try {
    bundles = await findBundles(app, entries);
  } catch (error) {
    problems.push(problemOf(error));
  }
  const code = new Map<string, VerifiedMachO>();
  for (const { kind, path } of entries) {
    if (kind !== "file" || !(await isCode(join(app, path), path, problems))) continue;
    const bundle = bundles.find(({ executable }) => executable === path);
    const verified = await inspectMachO({ ...options, ...(await sealedContents(app, bundle)), path: join(app, path) });
    problems.push(...verified.problems);
    code.set(path, verified);
  }
  for (const bundle of bundles) problems.push(...(await sealProblems({ app, entries, bundles, code }, bundle)));
  return { problems, bundles, code };
}

async function isCode(absolute: string, path: string, problems: Problem[]): Promise<boolean> {
  try {
    return await isCodeFile(absolute);
  } catch (error) {
    const { code, message, remedy } = problemOf(error);
    problems.push({ code, message: `${path}: ${message}`, remedy });
    return false;
  }
}

/** What a main executable seals of its bundle; a file that is not there is reported by its slot. */
async function sealedContents(app: string, bundle: Bundle | undefined) {
  if (bundle === undefined) return {};
  return {
    infoPlist: await readIfThere(join(app, bundle.infoPlist)),
    codeResources: await readIfThere(join(app, codeResourcesPath(bundle))),
  };
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

interface Found {
  readonly app: string;
  readonly entries: readonly BundleEntry[];
  readonly bundles: readonly Bundle[];
  readonly code: ReadonlyMap<string, VerifiedMachO>;
}

async function sealProblems(found: Found, bundle: Bundle): Promise<readonly Problem[]> {
  const name = bundle.path === "" ? basename(found.app) : bundle.path;
  const report = (what: string): Problem => codeProblem("BUNDLE_SEAL", `${name}: ${what}.`);
  const bytes = await readIfThere(join(found.app, codeResourcesPath(bundle)));
  if (bytes === undefined) return [report("it has no _CodeSignature/CodeResources")];
  let sealed: CodeResources;
  try {
    sealed = parseCodeResources(bytes);
  } catch (error) {
    return [problemOf(error)];
  }
  const problems: Problem[] = [];
  if (!sealed.hasStandardRules)
    problems.push(report("its CodeResources has rules of its own, which macOS does not allow"));
  // 1. Every file is sealed as it is.
  const paths = sealedPaths(bundle, found.entries);
  for (const path of paths) {
    const seal = sealed.files2.get(path.path);
    if (seal === undefined) problems.push(report(`${path.path} is not sealed`));
    else for (const what of await sealFaults(found, path, seal)) problems.push(report(`${path.path} ${what}`));
  }
  // 2. Everything that is sealed is there.
  const there = new Set(paths.map(({ path }) => path));
  for (const [path, { isOptional }] of sealed.files2) {
    if (!there.has(path) && !isOptional) problems.push(report(`${path} is sealed, and missing`));
  }
  // 3. The list for old systems says nothing else.
  for (const [path, seal] of sealed.files)
    problems.push(...(await oldSealFaults(found, bundle, path, seal)).map(report));
  return problems;
}

async function sealFaults(found: Found, sealed: SealedPath, seal: SealedResource): Promise<readonly string[]> {
  const { entry, isNested } = sealed;
  if (entry.kind === "link")
    return seal.link === entry.target ? [] : [`leads to ${entry.target}, not to ${seal.link ?? "a file"}`];
  if (isNested) return nestedFaults(found, entry.path, entry.kind === "folder", seal);
  if (entry.kind !== "file") return [];
  if (seal.sha256 === undefined) return ["is sealed without a SHA-256"];
  const { sha1, sha256 } = await hashFile(join(found.app, entry.path));
  const isSame = Buffer.compare(sha256, seal.sha256) === 0 && (!seal.sha1 || Buffer.compare(sha1, seal.sha1) === 0);
  return isSame ? [] : ["differs from its hash"];
}

function nestedFaults(found: Found, path: string, isFolder: boolean, seal: SealedResource): readonly string[] {
  const inner = isFolder ? bundleAt(found.bundles, found.entries, path) : undefined;
  const verified = found.code.get(inner?.executable ?? path);
  if (verified === undefined) return ["lies where only signed code may, and is none"];
  const [cdHash] = verified.slices[0]?.cdHashes ?? [];
  const known = verified.slices.flatMap(({ cdHashes }) => cdHashes);
  const faults: string[] = [];
  const stored = seal.cdHash === undefined ? undefined : Buffer.from(seal.cdHash).toString("hex");
  // Where a slice has two directories, the seal names the one that macOS goes by.
  if (stored === undefined || cdHash === undefined || !known.includes(stored)) {
    faults.push(`has the cdhash ${cdHash ?? "(none)"}, and is sealed as ${stored ?? "a file"}`);
  }
  const requirement = requirementText(verified.slices);
  if (plainRequirement(seal.requirement ?? "") !== plainRequirement(requirement)) {
    faults.push(`has the designated requirement ${requirement}, and is sealed with ${seal.requirement ?? "none"}`);
  }
  return faults;
}

/** Other signers put each side of an "and" in parentheses, and quote identifiers that need no quotes. */
function plainRequirement(text: string): string {
  return text.replaceAll(/[()"]/g, "");
}

async function oldSealFaults(
  { app, entries }: Found,
  { sealRoot }: Bundle,
  path: string,
  seal: SealedResource,
): Promise<readonly string[]> {
  const full = sealRoot === "" ? path : `${sealRoot}/${path}`;
  const entry = entries.find((one) => one.path === full);
  if (entry?.kind !== "file" || isExcluded(path))
    return seal.isOptional ? [] : [`${path} is sealed for old systems, and missing`];
  const { sha1 } = await hashFile(join(app, full));
  const isSame = seal.sha1 !== undefined && Buffer.compare(sha1, seal.sha1) === 0;
  return isSame ? [] : [`${path} differs from its SHA-1`];
}
