/**
 * A finished release, changed afterwards: signed, notarized or stapled by
 * itself. Each file is replaced by one rename, and the manifest and
 * `SHA256SUMS` follow it at once, so that they never name bytes that are gone
 * for longer than that.
 */
import { rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ErthError } from "../../runtime/base/errors.ts";
import { sha256OfFile } from "./digest.ts";
import { writeIndex } from "./dist.ts";
import { type CompanionFile, type Manifest, type ManifestFile, readManifest } from "./manifest.ts";

/** What is left of a proof when the bytes have changed. */
const CHANGED = "changed after it was opened again: signed or stapled";

export interface ReleaseFolder {
  /** Absolute. */
  readonly folder: string;
  /** As it is now. */
  manifest(): Manifest;
  /** Absolute path of one of its files. */
  pathOf(file: ManifestFile): string;
  /** The entry of a path, or undefined for a file that is none of the release's. */
  find(path: string): ManifestFile | undefined;
  /** Measures a file that has been replaced, lays `facts` over its entry, and writes the manifest. Its detached signatures are of other bytes now, and go. */
  update(file: ManifestFile, facts: Partial<ManifestFile>): Promise<ManifestFile>;
  /** Adds files that lie beside one of the release's, in place of older ones of the same names. */
  addCompanions(companions: readonly Omit<CompanionFile, "bytes" | "sha256">[]): Promise<void>;
}

/** Opens `<out>/<version>`. Throws `MANIFEST_MISSING` and `MANIFEST_INVALID`. */
export async function openReleaseFolder(outFolder: string, version: string): Promise<ReleaseFolder> {
  const folder = join(resolve(outFolder), version);
  const read = await readManifest(join(folder, "manifest.json"));
  if (read === undefined) {
    throw new ErthError({
      code: "MANIFEST_MISSING",
      message: `there is no release ${version} in ${outFolder} (no ${join(folder, "manifest.json")}).`,
      remedy: "erth release",
    });
  }
  let manifest: Manifest = read;
  const write = async (changed: Manifest): Promise<void> => {
    await writeIndex(folder, changed);
    manifest = changed;
  };
  const measured = async (name: string): Promise<{ readonly bytes: number; readonly sha256: string }> => {
    const path = join(folder, name);
    return { bytes: (await stat(path)).size, sha256: await sha256OfFile(path) };
  };
  return {
    folder,
    manifest: () => manifest,
    pathOf: (file) => join(folder, file.path),
    find: (path) =>
      dirname(resolve(path)) === folder ? manifest.artifacts.find((file) => file.path === basename(path)) : undefined,
    async update(file, facts) {
      const { bytes, sha256 } = await measured(file.path);
      const isSame = sha256 === file.sha256;
      const container = (file.compressedBytes.container ?? 0) + bytes - file.bytes;
      const updated: ManifestFile = {
        ...file,
        ...facts,
        bytes,
        sha256,
        compressedBytes: { ...file.compressedBytes, container },
        unproven: isSame || file.proven.length === 0 ? file.unproven : [...new Set([...file.unproven, CHANGED])],
      };
      const isStale = ({ target, format, role }: CompanionFile): boolean =>
        !isSame && target === file.target && format === file.format && role !== "zsync";
      const stale = manifest.companions.filter(isStale);
      await write({
        ...manifest,
        artifacts: manifest.artifacts.map((one) => (one.path === file.path ? updated : one)),
        companions: manifest.companions.filter((companion) => !stale.includes(companion)),
      });
      for (const { path } of stale) await rm(join(folder, path), { force: true });
      return updated;
    },
    async addCompanions(companions) {
      const added: CompanionFile[] = [];
      for (const companion of companions) added.push({ ...companion, ...(await measured(companion.path)) });
      const others = manifest.companions.filter(({ path }) => added.every((one) => one.path !== path));
      await write({ ...manifest, companions: [...others, ...added] });
    },
  };
}
