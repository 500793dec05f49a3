/**
 * A finished release against its own words: every file of `manifest.json` and
 * of `SHA256SUMS` is there, with the size and digest that both say.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { compare as compareVersions, valid } from "semver";
import { ErthError, type Problem, systemCode } from "../../runtime/base/errors.ts";
import { sha256OfFile } from "./digest.ts";
import { type Manifest, readManifest } from "./manifest.ts";

export interface FoundRelease {
  /** Absolute; holds the manifest. */
  readonly folder: string;
  readonly manifest: Manifest;
}

const SUM_LINE = /^([0-9a-f]{64}) [ *]([^/\\]+)$/;

/** The release of the highest version in an output folder, or the one that the folder itself is. Throws `MANIFEST_MISSING`. */
export async function lastRelease(outFolder: string): Promise<FoundRelease> {
  const own = await readManifest(join(outFolder, "manifest.json"));
  if (own !== undefined) return { folder: outFolder, manifest: own };
  const names = await readdir(outFolder).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return [];
    throw error;
  });
  const versions = names.filter((name) => valid(name) !== null).sort(compareVersions);
  for (const version of versions.reverse()) {
    const folder = join(outFolder, version);
    const manifest = await readManifest(join(folder, "manifest.json"));
    if (manifest !== undefined) return { folder, manifest };
  }
  throw new ErthError({
    code: "MANIFEST_MISSING",
    message: `there is no release in ${outFolder}: no folder of a version there has a manifest.json.`,
    remedy: "erth release, or name the files: erth verify FILE…",
  });
}

export interface CheckedRelease {
  readonly problems: readonly Problem[];
  /** Names of files that are not there. */
  readonly missing: ReadonlySet<string>;
}

/** Every file that is missing, or differs from what manifest or sums say. */
export async function checkRelease({ folder, manifest }: FoundRelease): Promise<CheckedRelease> {
  const problems: Problem[] = [];
  const missing = new Set<string>();
  const report = (code: string, message: string): void =>
    void problems.push({ code, message, remedy: "get the files again from the place you trust, or: erth release" });
  const files = [...manifest.artifacts, ...manifest.companions];
  const digests = new Map<string, string>();
  for (const { path, bytes, sha256 } of files) {
    const size = await sizeOf(join(folder, path));
    if (size === undefined) {
      missing.add(path);
      report("VERIFY_MISSING", `${path} is in manifest.json, and not in ${folder}.`);
      continue;
    }
    const digest = await sha256OfFile(join(folder, path));
    digests.set(path, digest);
    if (size !== bytes) report("VERIFY_SIZE", `${path} has ${size} bytes, manifest.json says ${bytes}.`);
    else if (digest !== sha256) report("VERIFY_DIGEST", `${path} has SHA-256 ${digest}, manifest.json says ${sha256}.`);
  }
  const sums = await readSums(join(folder, "SHA256SUMS"));
  if (sums === undefined) {
    report("VERIFY_SUMS", "SHA256SUMS is missing, or has a line that is no digest and file name.");
    return { problems, missing };
  }
  for (const { path } of files.filter((file) => !sums.has(file.path)))
    report("VERIFY_SUMS", `${path} is in manifest.json, and not in SHA256SUMS.`);
  for (const [name, sum] of sums) {
    if (!files.some(({ path }) => path === name))
      report("VERIFY_SUMS", `SHA256SUMS has ${name}, and manifest.json not.`);
    const digest = digests.get(name);
    if (digest !== undefined && digest !== sum)
      report("VERIFY_DIGEST", `${name} has SHA-256 ${digest}, SHA256SUMS says ${sum}.`);
  }
  return { problems, missing };
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : undefined;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Digests by file name; undefined where there are none to go by. */
async function readSums(path: string): Promise<ReadonlyMap<string, string> | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
  const sums = new Map<string, string>();
  for (const line of text.split("\n").filter((one) => one !== "")) {
    const [, sum, name] = SUM_LINE.exec(line) ?? [];
    if (sum === undefined || name === undefined || sums.has(name)) return undefined;
    sums.set(name, sum);
  }
  return sums;
}
