/** What the arguments of `sign`, `notarize` and `staple` name: files of a finished release, or any others. */
import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { ErthError, ProblemsError, type Problem } from "../../runtime/base/errors.ts";
import type { ManifestFile } from "../artifacts/manifest.ts";
import { openReleaseFolder, type ReleaseFolder } from "../artifacts/release-folder.ts";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import { nearest } from "../config/nearest.ts";
import { openKeyring, type Keyring } from "../keys/keyring.ts";
import { cacheFolder } from "../vendor/cache-folder.ts";
import type { CommandContext } from "./command.ts";
import { loadSessionConfig } from "./session.ts";

/** One thing to work on. */
export interface WorkFile {
  /** Absolute. */
  readonly path: string;
  /** Its entry in the release's manifest; undefined for a file that is none of it. */
  readonly entry: ManifestFile | undefined;
}

export interface Workplace {
  readonly config: ResolvedConfig;
  readonly keyring: Keyring;
  /** Undefined where nothing has been released yet and only other files are named. */
  readonly release: ReleaseFolder | undefined;
  readonly files: readonly WorkFile[];
  readonly stateFolder: string;
}

/**
 * Opens the release and finds the files: those named, by path or by their name
 * in the release; without a name all of the release's. Throws `USAGE_ARGUMENT`
 * for all names at once that are neither, and `MANIFEST_MISSING`.
 */
export async function withFiles<Result>(
  ctx: CommandContext,
  work: (place: Workplace) => Promise<Result>,
): Promise<Result> {
  const config = await loadSessionConfig(ctx);
  const { version } = config.app;
  const hasRelease = existsSync(join(ctx.flags.out, version, "manifest.json"));
  const release = hasRelease || ctx.args.length === 0 ? await openReleaseFolder(ctx.flags.out, version) : undefined;
  const all = release?.manifest().artifacts ?? [];
  const named = ctx.args.map((name) => findFile(name, ctx.cwd, release, all));
  const problems = named.filter((found): found is Problem => "code" in found);
  if (problems.length > 0) throw new ProblemsError(problems);
  const files =
    ctx.args.length > 0
      ? named.filter((found): found is WorkFile => "path" in found)
      : all.map((entry) => ({ path: join(release?.folder ?? "", entry.path), entry }));
  const keyring = openKeyring(config.signing, ctx.keyWorld);
  try {
    return await work({ config, keyring, release, files, stateFolder: join(cacheFolder(ctx.env), "state") });
  } finally {
    await keyring.close();
  }
}

function findFile(
  name: string,
  cwd: string,
  release: ReleaseFolder | undefined,
  all: readonly ManifestFile[],
): WorkFile | Problem {
  const path = resolve(cwd, name);
  if (existsSync(path)) return { path, entry: release?.find(path) };
  const entry = all.find((file) => file.path === name);
  if (entry !== undefined && release !== undefined) return { path: release.pathOf(entry), entry };
  const close = nearest(
    basename(name),
    all.map((file) => file.path),
  );
  return {
    code: "USAGE_ARGUMENT",
    message: `${name} is neither a file nor one of the release's (${all.map((file) => file.path).join(", ") || "there is none"}).`,
    remedy: close === undefined ? "name a file that exists" : `write ${close}`,
  };
}

/** Throws `USAGE_ARGUMENT` where there is nothing to do: `what` says what is missing. */
export function mustHaveOne(files: readonly WorkFile[], what: string, remedy: string): void {
  if (files.length > 0) return;
  throw new ErthError({ code: "USAGE_ARGUMENT", message: `there is ${what}.`, remedy });
}
