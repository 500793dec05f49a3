/** Every way in which a vendored binary cannot be had, each with its remedy. */
import { basename } from "node:path";
import { ErthError, messageOf, systemCode } from "../../runtime/base/errors.ts";

/** A URL fit for a message: no user name, password, query or fragment. */
export function shownUrl(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? "an invalid URL" : `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
}

export function unlocked(name: string, lockPath: string, reason: "no entry" | "no digest"): ErthError {
  return new ErthError({
    code: "VENDOR_UNLOCKED",
    message:
      reason === "no entry"
        ? `${basename(lockPath)} has no entry ${name}.`
        : // Without its folder: as the reason of a fallback this is part of a release, the same on every machine.
          `${name} has no digest in ${basename(lockPath)}: its host could not be reached when the lock was made.`,
    remedy: reason === "no entry" ? "erth lock" : `${folderRemedy(name)}, or reach its host and type erth lock`,
    facts: { name, lockPath },
  });
}

export function wrongDigest(name: string, from: string, expected: string, actual: string): ErthError {
  return new ErthError({
    code: "VENDOR_DIGEST",
    message: `${name} from ${shownUrl(from)} has digest ${actual}, erth.lock.json wants ${expected}; nothing was kept.`,
    remedy: "check the registry or mirror; only if the new bytes are right: erth lock --accept",
    facts: { name, expected, actual },
  });
}

export function offlineWithout(name: string): ErthError {
  return new ErthError({
    code: "VENDOR_UNREACHABLE",
    message: `${name} is not in the cache, and erth is offline (ERTH_OFFLINE or --offline).`,
    remedy: "go online once and build again without ERTH_OFFLINE, or set ERTH_CACHE to a cache that has it",
    facts: { name },
  });
}

export function unreachable(name: string, url: string, cause: unknown): ErthError {
  const status = httpStatus(cause);
  const denied = status === 401 || status === 403;
  return new ErthError({
    code: "VENDOR_UNREACHABLE",
    message: `${name} could not be downloaded from ${shownUrl(url)}: ${status === undefined ? plainReason(cause) : `HTTP ${status}`}.`,
    remedy: denied
      ? "npm login, or check the token for this host in your .npmrc"
      : `check the network, proxy and mirror, then build again (what was downloaded is kept), or ${folderRemedy(name)}`,
    cause,
    facts: { name, status },
  });
}

export function missingFolder(name: string, folder: string, setBy: string): ErthError {
  return new ErthError({
    code: "VENDOR_FOLDER",
    message: `${name} is to come from ${folder} (${setBy}), which is not a folder.`,
    remedy: `correct or remove ${setBy}`,
    facts: { name, folder },
  });
}

export function badArchive(name: string, reason: string): ErthError {
  return new ErthError({
    code: "VENDOR_ARCHIVE",
    message: `the archive of ${name} was refused: ${reason}; nothing of it was kept.`,
    remedy: `report this to the publisher of ${name}, and lock a version whose archive is sound`,
    facts: { name },
  });
}

/** The error for a failed write to the cache, or undefined if this is none. */
export function cacheFailure(cause: unknown, folder: string): ErthError | undefined {
  const code = systemCode(cause);
  const full = code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG";
  if (!full && code !== "EACCES" && code !== "EPERM" && code !== "EROFS" && code !== "ENOTDIR") return undefined;
  return new ErthError({
    code: full ? "DISK_FULL" : "CACHE_NOT_WRITABLE",
    message: `the cache ${folder} cannot be written: ${messageOf(cause)}.`,
    remedy: full
      ? "free some space, or set ERTH_CACHE to a folder on another disk, and build again"
      : "make it writable, or set ERTH_CACHE to a folder that is, and build again",
    cause,
  });
}

/** The HTTP status inside an error of npm-registry-fetch. */
export function httpStatus(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !("statusCode" in thrown)) return undefined;
  return typeof thrown.statusCode === "number" ? thrown.statusCode : undefined;
}

// npm's messages repeat the whole URL, which may carry a signed query.
function plainReason(cause: unknown): string {
  return messageOf(cause).replaceAll(/https?:\/\/\S+?(?=[,;]?(?:\s|$))/g, (url) => shownUrl(url));
}

function folderRemedy(name: string): string {
  return name.startsWith("electrobun-core/")
    ? "set ERTH_ELECTROBUN_CORE_DIR to an unpacked core"
    : `set vendor.folders["${name}"] in erth.config.ts to an unpacked copy`;
}
