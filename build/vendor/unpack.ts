/**
 * Unpacks a verified `.tar.gz` or `.tgz` into an empty folder. `tar` (npm's own
 * reader) does the format; the rules here are stricter than its own, because a
 * refused entry ends the whole archive instead of being left out: no absolute
 * path, no `..`, no link that leaves the folder, only files, folders and links.
 */
import { createReadStream } from "node:fs";
import { chmod, mkdir, open, readdir } from "node:fs/promises";
import { join, posix } from "node:path";
import { pipeline } from "node:stream/promises";
import { type ReadEntry, Unpack } from "tar";
import { messageOf } from "../../runtime/base/errors.ts";
import { limiter } from "../artifacts/limiter.ts";
import { badArchive, cacheFailure } from "./vendor-errors.ts";

export interface UnpackRequest {
  readonly name: string;
  readonly archive: string;
  /** Created; must be empty. */
  readonly folder: string;
  /** Leading path members to drop: 1 for npm's `package/`. */
  readonly strip: 0 | 1;
  readonly signal: AbortSignal;
}

/** File systems join flushes that come together: three times as fast for a Node package's 2,800 files. */
const FLUSHES_AT_ONCE = 16;

const FILES = new Set(["File", "OldFile", "ContiguousFile"]);

/** Files arrive durably, with mode 0755 or 0644. Throws `VENDOR_ARCHIVE` for a damaged or hostile archive; the folder is then the caller's to delete. */
export async function unpack({ name, archive, folder, strip, signal }: UnpackRequest): Promise<void> {
  await mkdir(folder, { recursive: true });
  let refusal: string | undefined;
  const seen = new Set<string>();
  const unpacker = new Unpack({
    cwd: folder,
    strip,
    noMtime: true,
    preserveOwner: false,
    filter: (path, entry) => {
      if (!("header" in entry)) return false;
      if (refusal !== undefined) return false;
      refusal = entryRefusal(path, entry, strip) ?? danglingRefusal(path, entry, seen);
      if (refusal !== undefined) {
        unpacker.abort(new Error(refusal));
        return false;
      }
      if (FILES.has(entry.type)) seen.add(plain(path));
      entry.mode = entry.type === "Directory" || ((entry.mode ?? 0) & 0o100) !== 0 ? 0o755 : 0o644;
      return true;
    },
    onwarn: (code, message, data) => {
      // Only notices about harmless metadata pass; anything else would be a file left out.
      if (code === "TAR_ENTRY_INFO" || refusal !== undefined) return;
      const failure = data.cause ?? message;
      refusal = messageOf(failure);
      unpacker.abort(failure instanceof Error ? failure : new Error(message));
    },
  });
  try {
    await pipeline(createReadStream(archive, { highWaterMark: 256 * 1024 }), unpacker, { signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw cacheFailure(cause, folder) ?? badArchive(name, refusal ?? messageOf(cause));
  }
  if (refusal !== undefined) throw badArchive(name, refusal);
  if (seen.size === 0) throw badArchive(name, "it holds no files");
  await settle(folder).catch((cause: unknown) => {
    throw cacheFailure(cause, folder) ?? cause;
  });
}

/**
 * Flushes every file to the disk, and sets its mode once more: same archive,
 * same modes, whatever the user's umask took away.
 */
async function settle(folder: string): Promise<void> {
  const limit = limiter(FLUSHES_AT_ONCE);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  await Promise.all(
    entries.map((entry) =>
      limit(async () => {
        const path = join(entry.parentPath, entry.name);
        if (entry.isDirectory()) await chmod(path, 0o755);
        else if (entry.isFile()) await settleFile(path);
      }),
    ),
  );
}

async function settleFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    const { mode } = await file.stat();
    const wanted = (mode & 0o100) !== 0 ? 0o755 : 0o644;
    if ((mode & 0o777) !== wanted) await file.chmod(wanted);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Why this entry may not be unpacked, or undefined. Pure; `entry.path` is as the archive writes it. */
export function entryRefusal(
  path: string,
  entry: Pick<ReadEntry, "type" | "linkpath">,
  strip: 0 | 1,
): string | undefined {
  const shown = JSON.stringify(path);
  if (leavesFolder(path)) return `the entry ${shown} leaves the folder`;
  if (!isPlain(path, entry.type === "Directory")) return `the entry ${shown} has empty or "." members`;
  if (strip === 1 && entry.type !== "Directory" && !plain(path).includes("/")) {
    return `the entry ${shown} lies beside the package's folder`;
  }
  if (FILES.has(entry.type) || entry.type === "Directory") return undefined;
  if (entry.type !== "SymbolicLink" && entry.type !== "Link") return `the entry ${shown} is a ${entry.type}`;
  const target = entry.linkpath ?? "";
  // A symbolic link starts at its own folder, a hard link at the archive's root.
  const from = entry.type === "SymbolicLink" ? posix.dirname(path) : ".";
  const reached = posix.normalize(posix.join(from, target));
  const outside = target === "" || isAbsolutePath(target) || target.includes("\\") || reached.split("/")[0] === "..";
  // With the first member dropped, a link must not climb over it either.
  const root = strip === 1 ? path.split("/")[0] : undefined;
  if (outside || (root !== undefined && reached.split("/")[0] !== root)) {
    return `the link ${shown} points to ${JSON.stringify(target)}, outside the folder`;
  }
  return crossesItself(path, entry.type, target, strip)
    ? `the link ${shown} and its target ${JSON.stringify(target)} lie inside each other`
    : undefined;
}

/**
 * `tar` reserves an entry's name and its raw link text as two paths, and waits
 * for itself for ever when one of them contains the other.
 */
function crossesItself(path: string, type: ReadEntry["type"], target: string, strip: 0 | 1): boolean {
  const stripped = (text: string): string => (strip === 1 ? text.split("/").slice(1).join("/") : text);
  const reserved = (text: string): string => posix.join(text).normalize("NFKD").toLowerCase().replace(/\/$/, "");
  const name = reserved(stripped(plain(path)));
  const link = reserved(type === "Link" ? stripped(plain(target)) : target);
  return name === link || name.startsWith(`${link}/`) || link.startsWith(`${name}/`);
}

/** A hard link is a second name of a file that the archive has brought before. */
function danglingRefusal(
  path: string,
  entry: Pick<ReadEntry, "type" | "linkpath">,
  seen: ReadonlySet<string>,
): string | undefined {
  if (entry.type !== "Link" || seen.has(plain(entry.linkpath ?? ""))) return undefined;
  return `the link ${JSON.stringify(path)} points to ${JSON.stringify(entry.linkpath)}, no earlier file of the archive`;
}

function plain(path: string): string {
  return path.replace(/^\.\//, "");
}

function leavesFolder(path: string): boolean {
  return isAbsolutePath(path) || path.includes("\\") || path.includes("\0") || path.split("/").includes("..");
}

/** Archives made by `tar .` begin with "./"; a "." or nothing anywhere else confuses readers, `tar`'s own included. */
function isPlain(path: string, isDirectory: boolean): boolean {
  const inner = plain(path);
  const members = (isDirectory ? inner.replace(/\/$/, "") : inner).split("/");
  if (isDirectory && members.length === 1 && (members[0] === "" || members[0] === ".")) return true;
  return members.every((member) => member !== "" && member !== ".");
}

function isAbsolutePath(path: string): boolean {
  return path.startsWith("/") || path.startsWith("\\") || /^[A-Za-z]:/.test(path);
}
