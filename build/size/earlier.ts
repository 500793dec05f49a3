/** Finds the release to compare sizes with: the highest version below this one in the output folder. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ErthError, systemCode } from "../../runtime/base/errors.ts";
import { readManifest, type Manifest } from "../artifacts/manifest.ts";
import { compare as compareVersions } from "semver";

/** The manifest that `--since` names (a file, a folder or a version), or the last one before `version`. */
export async function earlierManifest(
  outFolder: string,
  version: string,
  since: string | undefined,
): Promise<Manifest | undefined> {
  if (since !== undefined) {
    for (const path of [since, join(since, "manifest.json"), join(outFolder, since, "manifest.json")]) {
      const manifest = await readManifestFile(path);
      if (manifest) return manifest;
    }
    throw new ErthError({
      code: "USAGE_SINCE",
      message: `--since ${since}: no manifest there, nor in ${join(outFolder, since)}.`,
      remedy: "name a manifest.json, its folder, or a version in the output folder",
    });
  }
  const names = await readdir(outFolder).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return [];
    throw error;
  });
  const versions = names
    .filter((name) => /^\d+\.\d+\.\d+/.test(name) && compareVersions(name, version) < 0)
    .sort(compareVersions);
  for (const name of versions.reverse()) {
    const manifest = await readManifest(join(outFolder, name, "manifest.json"));
    if (manifest) return manifest;
  }
  return undefined;
}

async function readManifestFile(path: string): Promise<Manifest | undefined> {
  try {
    return await readManifest(path);
  } catch (error) {
    if (systemCode(error) === "EISDIR") return undefined;
    throw error;
  }
}
