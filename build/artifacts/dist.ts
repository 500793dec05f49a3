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
import { readManifest, renderManifest, renderSha256Sums, type Manifest, type ManifestFile } from "./manifest.ts";
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

async function isCurrent(path: string, file: ManifestFile): Promise<boolean> {
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
 * of other targets of the same version stay, and stay in the manifest, as
 * long as their bytes are the ones it says.
 */
export async function writeRelease(outFolder: string, manifest: Manifest, result: RunResult): Promise<Manifest> {
  const folder = join(outFolder, manifest.version);
  await mkdir(folder, { recursive: true });
  await removeLeftovers(folder);
  const earlier = await readManifest(join(folder, "manifest.json"));
  const others: ManifestFile[] = [];
  for (const file of earlier?.identifier === manifest.identifier ? earlier.artifacts : []) {
    if (manifest.artifacts.some((made) => made.target === file.target)) continue;
    if (await isCurrent(join(folder, file.path), file)) others.push(file);
  }
  await Promise.all(
    manifest.artifacts.map(async (file) => {
      const path = join(folder, file.path);
      if (await isCurrent(path, file)) return;
      const source = result.get(file.target)?.find((artifact) => artifact.sha256 === file.sha256);
      if (source === undefined) throw new ErthError(lostArtifact(file));
      await copyWhole(source.path, path, file.sha256, file.format === "single-file" ? 0o755 : 0o644);
    }),
  );
  const complete: Manifest = { ...manifest, artifacts: [...manifest.artifacts, ...others] };
  await writeWhole(join(folder, "SHA256SUMS"), renderSha256Sums(complete));
  await writeWhole(join(folder, "manifest.json"), renderManifest(complete));
  return complete;
}

function lostArtifact(file: ManifestFile): { code: string; message: string; remedy: string } {
  return {
    code: "ARTIFACT_LOST",
    message: `${file.path} was made, but its bytes are not among the results.`,
    remedy: "report this, with the output of erth release --json",
  };
}
