/** Finds the release to compare sizes with: the highest version below this one in the output folder. */
import { join } from "node:path";
import { ErthError, systemCode } from "../../runtime/base/errors.ts";
import { readManifest, type Manifest } from "../artifacts/manifest.ts";
import { releasesUpTo } from "./releases.ts";

/** The manifest that `--since` names (a file, a folder or a version), or the last one before `manifest`. */
export async function earlierManifest(
  outFolder: string,
  manifest: Pick<Manifest, "identifier" | "version">,
  since: string | undefined,
): Promise<Manifest | undefined> {
  if (since !== undefined) {
    for (const path of [since, join(since, "manifest.json"), join(outFolder, since, "manifest.json")]) {
      const found = await readManifestFile(path);
      if (found) return found;
    }
    throw new ErthError({
      code: "USAGE_SINCE",
      message: `--since ${since}: no manifest there, nor in ${join(outFolder, since)}.`,
      remedy: "name a manifest.json, its folder, or a version in the output folder",
    });
  }
  const releases = await releasesUpTo(outFolder, manifest);
  return releases.findLast(({ version }) => version !== manifest.version);
}

async function readManifestFile(path: string): Promise<Manifest | undefined> {
  try {
    return await readManifest(path);
  } catch (error) {
    if (systemCode(error) === "EISDIR") return undefined;
    throw error;
  }
}
