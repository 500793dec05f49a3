/** The history of an app's sizes: the manifests that lie in the output folder, oldest version first. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { compare as compareVersions, valid } from "semver";
import { systemCode } from "../../runtime/base/errors.ts";
import { readManifest, type Manifest } from "../artifacts/manifest.ts";

/** Every release of this app below the folder, up to `version`. Other apps' manifests are passed over. */
export async function releasesUpTo(
  outFolder: string,
  { identifier, version }: Pick<Manifest, "identifier" | "version">,
): Promise<readonly Manifest[]> {
  const names = await readdir(outFolder).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return [];
    throw error;
  });
  const versions = names
    .filter((name) => valid(name) !== null && compareVersions(name, version) <= 0)
    .sort(compareVersions);
  const manifests = await Promise.all(versions.map((name) => readManifest(join(outFolder, name, "manifest.json"))));
  return manifests
    .filter((manifest) => manifest !== undefined)
    .filter((manifest) => manifest.identifier === identifier);
}
