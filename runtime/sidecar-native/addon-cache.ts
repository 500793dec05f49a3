/**
 * Addons on disk: the system's loader takes only files, so an addon from
 * inside the executable is kept at `<cache>/natives/<sha256>/<name>.node`.
 *
 * The folder is private (0700), its name is the content's digest, so versions
 * lie side by side, and a file appears whole (write, fsync, rename), so two
 * processes may start at once. Every load compares the file with the bytes in
 * the executable: 2 ms for 10 MB, and stricter than any recorded digest.
 */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { ErthError, messageOf, systemCode } from "../base/errors.ts";
import type { Embedded } from "./payload.ts";

const CHUNK_BYTES = 1 << 20;
/** Addons of versions that have not been unpacked for this long are removed. */
const STALE_MS = 30 * 24 * 60 * 60 * 1000;

/** The path of the addon in the cache, written there first if it is missing or differs. */
export function keepAddon(cacheFolder: string, name: string, addon: Embedded): string {
  const folder = join(cacheFolder, "natives", addon.sha256);
  const path = join(folder, `${name}.node`);
  try {
    makePrivate(folder);
    if (!isSame(path, addon.bytes)) {
      writeWhole(path, addon.bytes);
      removeStale(dirname(folder), addon.sha256);
    }
    return path;
  } catch (cause) {
    if (cause instanceof ErthError) throw cause;
    throw new ErthError({
      code: "NATIVE_CACHE_UNWRITABLE",
      message: `The addon ${name} cannot be unpacked to ${folder}: ${messageOf(cause)}.`,
      remedy: "make that folder writable or free some space, or set ERTH_HOME to another folder, and start again",
      cause,
    });
  }
}

function makePrivate(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (process.platform === "win32") return;
  const { uid, mode } = lstatSync(folder);
  if (!lstatSync(folder).isDirectory() || uid !== process.getuid?.()) {
    throw new ErthError({
      code: "NATIVE_CACHE_FOREIGN",
      message: `${folder} belongs to another user or is a link, so code from it cannot be trusted.`,
      remedy: `remove ${folder} and start again`,
    });
  }
  if ((mode & 0o077) !== 0) chmodSync(folder, 0o700);
}

function isSame(path: string, bytes: Uint8Array): boolean {
  let file: number;
  try {
    // A link is never ours; opening one would also follow it.
    if (!lstatSync(path).isFile()) return false;
    file = openSync(path, "r");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return false;
    throw error;
  }
  try {
    if (fstatSync(file).size !== bytes.length) return false;
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, bytes.length));
    for (let done = 0; done < bytes.length;) {
      const count = readSync(file, chunk, 0, chunk.length, done);
      if (count === 0 || chunk.compare(bytes, done, done + count, 0, count) !== 0) return false;
      done += count;
    }
    return true;
  } finally {
    closeSync(file);
  }
}

function writeWhole(path: string, bytes: Uint8Array): void {
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString("hex")}.part`;
  try {
    const file = openSync(temporary, "wx", 0o600);
    try {
      for (let done = 0; done < bytes.length;) {
        done += writeSync(file, bytes, done, Math.min(CHUNK_BYTES, bytes.length - done), done);
      }
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    // Another process may have been first; its file may be in use, so it is not replaced without need.
    if (isSame(path, bytes)) rmSync(temporary);
    else renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    // Windows refuses to replace a loaded library: another process was first, and its file is as good.
    if (!isSame(path, bytes)) throw error;
  }
}

/** A version that is started again unpacks again, so removing too much costs milliseconds. */
function removeStale(natives: string, current: string): void {
  for (const name of readdirSync(natives)) {
    if (name === current) continue;
    try {
      if (Date.now() - statSync(join(natives, name)).mtimeMs < STALE_MS) continue;
      rmSync(join(natives, name), { recursive: true, force: true });
    } catch (error) {
      // Windows keeps the library of a version that is still running; a later start tries again.
      if (!["EBUSY", "EPERM", "EACCES", "ENOENT"].includes(systemCode(error) ?? "")) throw error;
    }
  }
}
