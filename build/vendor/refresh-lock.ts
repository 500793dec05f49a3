/**
 * `erth lock`: asks every registry and archive host for today's digests and
 * rewrites `erth.lock.json`. A published version never changes its bytes, so a
 * digest that does is an alarm and stops the refresh, unless accepted.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { ErthError, type Problem, ProblemsError } from "../../runtime/base/errors.ts";
import { limiter } from "../artifacts/limiter.ts";
import { archiveSource, archiveUrl, registryTarball, type Transport } from "./byte-sources.ts";
import type { VendorProgress } from "./create-vendor.ts";
import { digestFrom, digestOf, partKey } from "./digest.ts";
import { download } from "./download.ts";
import { EMPTY_LOCK, type Lock, type LockEntry, readLock, renderLock, writeLock } from "./lock.ts";
import { npmSettings } from "./npm-settings.ts";
import { claimPart } from "./part-file.ts";
import { PATIENCE, type Patience, withPatience } from "./patience.ts";
import { answers, describeSource, type Requirement } from "./requirements.ts";
import { unreachable } from "./vendor-errors.ts";

export interface RefreshOptions {
  readonly lockPath: string;
  /** Everything that the lock shall hold; entries that are not named leave it. */
  readonly requirements: readonly Requirement[];
  readonly cacheFolder: string;
  readonly mirror?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: VendorProgress) => void;
  /** Take a changed digest of an unchanged version. */
  readonly acceptChanges?: boolean;
  /** For tests. */
  readonly patience?: Patience;
}

export interface Refreshed {
  readonly lock: Lock;
  /** Whether the file on disk was written anew. */
  readonly isChanged: boolean;
  /** One for each archive whose host could not be reached. */
  readonly warnings: readonly Problem[];
}

const AT_ONCE = 4;

/**
 * Throws `VENDOR_CHANGED` for changed digests and `VENDOR_UNREACHABLE` for a
 * registry that cannot be reached, all of them at once; then nothing is written.
 */
export async function refreshLock(options: RefreshOptions): Promise<Refreshed> {
  const { lockPath, requirements, env, signal, patience = PATIENCE } = options;
  const before = existsSync(lockPath) ? await readLock(lockPath) : EMPTY_LOCK;
  const transport: Transport = { settings: settingsOnce(env, dirname(lockPath)), stallMs: patience.stallMs };
  const limit = limiter(AT_ONCE);
  const problems: Problem[] = [];
  const warnings: Problem[] = [];

  const resolveEntry = async (requirement: Requirement): Promise<LockEntry> => {
    if (requirement.source === "npm") return npmEntry(requirement, transport, patience, signal);
    const known = before.entries[requirement.name];
    const kept = known?.source === "archive" && answers(known, requirement) ? known : undefined;
    try {
      return await archiveEntry(requirement, options, transport, patience);
    } catch (error) {
      if (!(error instanceof ErthError) || error.code !== "VENDOR_UNREACHABLE") throw error;
      warnings.push({
        code: error.code,
        message: `${error.message} ${kept?.sha256 ? "Its locked digest stays." : "It stays without a digest."}`,
        remedy: "reach its host, or set ERTH_MIRROR, and type erth lock",
      });
      return kept ?? { source: "archive", url: requirement.url, sha256: null };
    }
  };

  const entries = await Promise.all(
    requirements.map((requirement) =>
      limit(async (): Promise<readonly [string, LockEntry] | undefined> => {
        try {
          signal.throwIfAborted();
          const entry = await resolveEntry(requirement);
          const alarm = options.acceptChanges === true ? undefined : changedDigest(requirement, before, entry);
          if (alarm !== undefined) problems.push(alarm);
          return [requirement.name, entry];
        } catch (error) {
          if (!(error instanceof ErthError)) throw error;
          problems.push(error);
          return undefined;
        }
      }),
    ),
  );
  if (problems.length > 0) throw new ProblemsError(problems);
  const lock: Lock = { version: 1, entries: Object.fromEntries(entries.filter((entry) => entry !== undefined)) };
  const isChanged = renderLock(lock) !== renderLock(before) || !existsSync(lockPath);
  if (isChanged) await writeLock(lockPath, lock);
  return { lock, isChanged, warnings };
}

async function npmEntry(
  requirement: Extract<Requirement, { source: "npm" }>,
  transport: Transport,
  patience: Patience,
  signal: AbortSignal,
): Promise<LockEntry> {
  const { name, package: packageName, version } = requirement;
  const tarball = await withPatience(patience, signal, () => registryTarball(requirement, transport, signal)).catch(
    (cause: unknown) => {
      signal.throwIfAborted();
      throw cause instanceof ErthError ? cause : unreachable(name, `npm:${packageName}@${version}`, cause);
    },
  );
  const integrity = tarball.integrity?.split(/\s+/).find((one) => one.startsWith("sha512-"));
  if (integrity === undefined) {
    throw new ErthError({
      code: "VENDOR_NO_INTEGRITY",
      message: `the registry states no sha512 integrity for ${packageName}@${version}.`,
      remedy: "use a registry that keeps npm's integrity, then erth lock",
    });
  }
  return { source: "npm", package: packageName, version, integrity };
}

/** Downloads the archive, keeps its bytes for the next build, and locks what they are. */
async function archiveEntry(
  { name, url }: Extract<Requirement, { source: "archive" }>,
  options: RefreshOptions,
  transport: Transport,
  patience: Patience,
): Promise<LockEntry> {
  const from = archiveUrl(url, options.env.ERTH_MIRROR || options.mirror);
  const key = `lock-${createHash("sha256").update(from).digest("hex").slice(0, 32)}`;
  const part = await claimPart(join(options.cacheFolder, "vendor", "downloads"), key);
  let keepAs = key;
  try {
    const { bytes, digest } = await download({
      name,
      source: archiveSource(from, transport),
      path: part.path,
      expected: undefined,
      patience,
      signal: options.signal,
      onBytes: (doneBytes, totalBytes) => options.onProgress({ name, doneBytes, totalBytes }),
    });
    keepAs = partKey(digestFrom(digest));
    return { source: "archive", url, sha256: digest, bytes };
  } finally {
    await part.release(keepAs);
  }
}

function changedDigest(requirement: Requirement, before: Lock, entry: LockEntry): Problem | undefined {
  const known = before.entries[requirement.name];
  if (known === undefined || !answers(known, requirement)) return undefined;
  const old = digestOf(known)?.text;
  const now = digestOf(entry)?.text;
  if (old === undefined || old === now) return undefined;
  return {
    code: "VENDOR_CHANGED",
    message: `${requirement.name} (${describeSource(requirement)}) was locked as ${old} and is now ${now}: published bytes must not change.`,
    remedy: "find out who changed it; only if the new bytes are right: erth lock --accept",
  };
}

function settingsOnce(env: RefreshOptions["env"], folder: string): Transport["settings"] {
  let loaded: ReturnType<typeof npmSettings> | undefined;
  return () => (loaded ??= npmSettings({ env, folder }));
}
