/**
 * The output folder: `<out>/<version>/` holds finished files, `manifest.json`
 * and `SHA256SUMS`, nothing else. A file that is already there with the right
 * bytes is left alone; every other one is replaced in one rename.
 */
import { access, constants, mkdir, readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ErthError, messageOf, systemCode, type Problem } from "../../runtime/base/errors.ts";
import type { RunResult } from "../stages/run.ts";
import { sha256OfFile } from "./digest.ts";
import { PACKAGE_FORMATS } from "../plan/package-format.ts";
import {
  readManifest,
  renderManifest,
  renderSha256Sums,
  type CompanionFile,
  type Manifest,
  type ManifestFile,
} from "./manifest.ts";
import { copyWhole, writeWhole } from "./whole-file.ts";
import { isProcessAlive } from "./work-name.ts";

/** A folder into which a release cannot be written is found before the build, not after. */
export async function outputProblems(outFolder: string): Promise<readonly Problem[]> {
  let existing = outFolder;
  for (;;) {
    try {
      const found = await stat(existing);
      if (!found.isDirectory()) throw new Error(`${existing} is a file`);
      await access(existing, constants.W_OK);
      // Root passes every permission check, but not a read-only file system.
      await mkdir(outFolder, { recursive: true });
      return [];
    } catch (error) {
      if (systemCode(error) === "ENOENT" && dirname(existing) !== existing) {
        existing = dirname(existing);
        continue;
      }
      const message = `the output folder ${outFolder} cannot be written: ${messageOf(error)}.`;
      return [{ code: "OUT_NOT_WRITABLE", message, remedy: "choose a folder that you may write, with --out" }];
    }
  }
}

async function isCurrent(path: string, file: ManifestFile | CompanionFile): Promise<boolean> {
  try {
    const found = await stat(path);
    return found.isFile() && found.size === file.bytes && (await sha256OfFile(path)) === file.sha256;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return false;
    throw error;
  }
}

/** Removes the `.part` files that a killed run left beside the finished ones. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const owner = /\.(\d+-[0-9a-f]+)\.part$/.exec(name)?.[1];
    if (owner && !isProcessAlive(owner)) await rm(join(folder, name), { force: true });
  }
}

/**
 * Writes a release: its files first, then the manifest that names them. Files
 * of other targets of the same version stay, and so do other formats that hold
 * the same app, as long as their bytes are the ones that the manifest says.
 */
export async function writeRelease(outFolder: string, manifest: Manifest, result: RunResult): Promise<Manifest> {
  const folder = join(outFolder, manifest.version);
  await mkdir(folder, { recursive: true });
  await removeLeftovers(folder);
  const earlier = await readManifest(join(folder, "manifest.json"));
  const others = await keptFiles(folder, manifest, earlier?.identifier === manifest.identifier ? earlier : undefined);
  await Promise.all(
    [...manifest.artifacts, ...manifest.companions].map(async (file) => {
      const path = join(folder, file.path);
      if (await isCurrent(path, file)) return;
      const source = result.get(file.target)?.find((artifact) => artifact.sha256 === file.sha256);
      if (source === undefined) throw new ErthError(lostArtifact(file));
      const isExecutable = file.kind === "installer" && PACKAGE_FORMATS[file.format].isExecutable;
      await copyWhole(source.path, path, file.sha256, isExecutable ? 0o755 : 0o644);
    }),
  );
  const complete: Manifest = {
    ...manifest,
    artifacts: [...manifest.artifacts, ...others.artifacts],
    companions: [...manifest.companions, ...others.companions],
  };
  await writeIndex(folder, complete);
  return complete;
}

/** Writes `SHA256SUMS` and the manifest of files that are in place. */
export async function writeIndex(folder: string, manifest: Manifest): Promise<void> {
  await writeWhole(join(folder, "SHA256SUMS"), renderSha256Sums(manifest));
  await writeWhole(join(folder, "manifest.json"), renderManifest(manifest));
}

/** What an earlier release of the same version made and this one did not, and is still right. */
async function keptFiles(
  folder: string,
  manifest: Manifest,
  earlier: Manifest | undefined,
): Promise<Pick<Manifest, "artifacts" | "companions">> {
  const isElsewhere = (file: ManifestFile): boolean => {
    const made = manifest.artifacts.filter(({ target }) => target === file.target);
    return made.every(({ app, format }) => app === file.app && format !== file.format);
  };
  const artifacts: ManifestFile[] = [];
  for (const file of earlier?.artifacts ?? []) {
    if (isElsewhere(file) && (await isCurrent(join(folder, file.path), file))) artifacts.push(file);
  }
  const companions: CompanionFile[] = [];
  for (const file of earlier?.companions ?? []) {
    const isBeside = artifacts.some(({ target, format }) => target === file.target && format === file.format);
    if (isBeside && (await isCurrent(join(folder, file.path), file))) companions.push(file);
  }
  return { artifacts, companions };
}

function lostArtifact(file: ManifestFile | CompanionFile): { code: string; message: string; remedy: string } {
  return {
    code: "ARTIFACT_LOST",
    message: `${file.path} was made, but its bytes are not among the results.`,
    remedy: "report this, with the output of erth release --json",
  };
}
