/**
 * Signs a whole `.app` on a Mac with a keychain's identity, by Apple's own
 * `codesign`, one call for each piece of code, inside out. Which files are
 * code, and what may lie where, is decided as for our own signatures.
 */
import { constants } from "node:fs";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { ProblemsError } from "../../runtime/base/errors.ts";
import { codesign, type KeychainIdentity, type MacHost } from "../keys/keychain.ts";
import { layoutProblems } from "./bundle-layout.ts";
import { findBundles } from "./bundle.ts";
import { readBundleTree, treeProblems } from "./bundle-tree.ts";
import { encodeEntitlementsXml, type Entitlements } from "./entitlements.ts";
import { replaceFolder, requireFree } from "./replace-folder.ts";
import { codeFiles, nestedIdentifier } from "./sign-app.ts";
import { partName } from "./whole-output.ts";

export interface SignAppNativelyOptions {
  readonly app: string;
  /** Absent: the app itself is replaced when all of it is signed. */
  readonly output?: string | undefined;
  readonly identity: KeychainIdentity;
  readonly hardenedRuntime: boolean;
  readonly entitlements: (path: string) => Entitlements | undefined | Promise<Entitlements | undefined>;
  readonly host: MacHost;
  readonly signal?: AbortSignal | undefined;
}

/** Signs and returns how many files of code. Throws `ProblemsError` for what cannot be sealed, and what `codesign` said. */
export async function signAppNatively(options: SignAppNativelyOptions): Promise<number> {
  const app = resolve(options.app);
  const output = resolve(options.output ?? app);
  if (output !== app) await requireFree(output);
  const entries = await readBundleTree(app);
  const bundles = await findBundles(app, entries);
  const code = await codeFiles(app, entries);
  const problems = [...(await treeProblems(app, entries)), ...layoutProblems(bundles, entries, code)];
  if (problems.length > 0) throw new ProblemsError(problems);

  const temporary = partName(output);
  const lists = await mkdtemp(join(tmpdir(), "erth-entitlements-"));
  try {
    const mode = constants.COPYFILE_FICLONE;
    await cp(app, temporary, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true, mode });
    const { identity, hardenedRuntime, host } = options;
    const sign = async (path: string, program: string, identifier: string): Promise<void> => {
      options.signal?.throwIfAborted();
      const entitlementsPath = await writeList(lists, program, await options.entitlements(program));
      const place = join(temporary, path);
      const given = entitlementsPath === undefined ? {} : { entitlementsPath };
      await codesign({ path: place, identity, identifier, hardenedRuntime, ...given }, host);
    };
    // 1. Code that is no bundle's main executable; 2. bundles, the deepest first, each with its main executable.
    const main = new Set(bundles.map(({ executable }) => executable));
    const appIdentifier = bundles.at(-1)?.identifier ?? "";
    for (const path of code) if (!main.has(path)) await sign(path, path, nestedIdentifier(appIdentifier, path));
    for (const { path, sealRoot, executable, identifier } of bundles) {
      // Of a framework, each version is a bundle of its own.
      await sign(path.endsWith(".framework") ? sealRoot : path, executable, identifier);
    }
    await replaceFolder(temporary, output);
    return code.size;
  } finally {
    await rm(temporary, { recursive: true, force: true });
    await rm(lists, { recursive: true, force: true });
  }
}

async function writeList(folder: string, program: string, entitlements: Entitlements | undefined) {
  if (entitlements === undefined) return undefined;
  const path = join(folder, `${basename(program)}.plist`);
  await writeFile(path, encodeEntitlementsXml(entitlements));
  return path;
}
