/**
 * Where the database lives in the user's data folder, and how its files are
 * written: temporary name, fsync, then one step that makes them appear whole.
 *
 *     app.db (+ -wal, -shm)     the database
 *     app.db.lock               empty; held by whoever starts, backs up or restores
 *     app.db.restore            a checked backup that the next start puts in place
 *     app-replaced-<time>.db    what a restore has replaced
 *     backups/app-v<version>-<time>.db
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { systemCode } from "../base/errors.ts";

export interface DatabaseFiles {
  /** The user's data folder, absolute. */
  readonly folder: string;
  readonly database: string;
  readonly lock: string;
  readonly restore: string;
  readonly backups: string;
}

export function databaseFiles(folder: string): DatabaseFiles {
  const database = join(folder, "app.db");
  return {
    folder,
    database,
    lock: `${database}.lock`,
    restore: `${database}.restore`,
    backups: join(folder, "backups"),
  };
}

/** The files that SQLite may keep beside a database; a stale one would be replayed into another database. */
export function sideFiles(database: string): readonly string[] {
  return [`${database}-wal`, `${database}-shm`, `${database}-journal`];
}

/** A name beside the final one, in the same folder; `.part` marks what a killed process leaves behind. */
export function temporaryName(path: string): string {
  return `${path}.${process.pid}-${randomBytes(4).toString("hex")}.part`;
}

/** Deletes what a killed process left half-written in the folder and its backups. Needs the lock. */
export function removeLeftovers(files: DatabaseFiles): void {
  for (const folder of [files.folder, files.backups]) {
    if (!existsSync(folder)) continue;
    for (const name of readdirSync(folder)) {
      if (/^app[-.].*\.part(?:-wal|-shm|-journal)?$/.test(name)) rmSync(join(folder, name), { force: true });
    }
  }
}

/**
 * The first free name from this time on, so that nothing that exists is ever
 * replaced. `nameOf` is given UTC to the millisecond, in a form that sorts and
 * that every file system takes: `20260131T093000123Z`.
 */
export function freeName(at: Date, nameOf: (time: string) => string): string {
  for (let ms = at.getTime(); ; ms++) {
    const path = nameOf(new Date(ms).toISOString().replaceAll(/[-:.]/g, ""));
    if (!existsSync(path)) return path;
  }
}

export function syncFile(path: string): void {
  const descriptor = openSync(path, "r+");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Makes a new name durable. Windows cannot open folders, and its renames need no such help. */
export function syncFolder(folder: string): void {
  if (process.platform === "win32") return;
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Gives a whole, synced temporary file its final name, durably. */
export function place(temporary: string, path: string): void {
  renameSync(temporary, path);
  syncFolder(dirname(path));
}

/** A second, free name for the same bytes: a hard link, or a copy where there are none. Does nothing if `from` is missing. */
export function keepAside(from: string, to: string): void {
  if (!existsSync(from)) return;
  try {
    linkSync(from, to);
  } catch (error) {
    if (systemCode(error) === "EEXIST") throw error;
    copyFileSync(from, to, constants.COPYFILE_EXCL);
    syncFile(to);
  }
}
