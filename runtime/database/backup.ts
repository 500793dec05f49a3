/**
 * Backups: compact copies made by `VACUUM INTO`, which reads one consistent
 * state while the app goes on writing. A backup is checked before it gets its
 * name, and the newest five stay.
 */
import { closeSync, existsSync, mkdirSync, openSync, readSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { ErthError } from "../base/errors.ts";
import { valueOf, withFile } from "./driver.ts";
import { explained } from "./faults.ts";
import { databaseFiles, freeName, place, sideFiles, syncFile, temporaryName, type DatabaseFiles } from "./files.ts";
import { inspectFile } from "./inspect.ts";
import { withLock } from "./lock.ts";

const KEPT_BACKUPS = 5;

export interface Backup {
  /** Absolute. */
  readonly path: string;
  readonly name: string;
  /** Schema version of the database at that time. */
  readonly schemaVersion: number;
  readonly madeAt: Date;
  readonly bytes: number;
}

export interface BackupOptions {
  /** The user's data folder, absolute. */
  readonly folder: string;
  readonly now?: () => Date;
}

/**
 * Backs up the database in the folder, open or not, and returns the new
 * backup; if nothing has changed since the newest one, that one. Throws
 * `DATABASE_MISSING`, `DATABASE_DAMAGED`, `DATABASE_DISK_FULL` and
 * `DATABASE_NOT_WRITABLE`; nothing is left behind then.
 */
export function backup(options: BackupOptions): Backup {
  const files = databaseFiles(options.folder);
  return withLock(files, () => makeBackup(files, (options.now ?? (() => new Date()))()));
}

/** `backup` for a caller that holds the lock. */
export function makeBackup(files: DatabaseFiles, madeAt: Date): Backup {
  if (!existsSync(files.database)) {
    throw new ErthError({
      code: "DATABASE_MISSING",
      message: `${files.database} does not exist, so there is nothing to back up.`,
      remedy: "start the app once",
    });
  }
  const made = explained(files.database, () => {
    mkdirSync(files.backups, { recursive: true, mode: 0o700 });
    const temporary = temporaryName(join(files.backups, "app"));
    try {
      const schemaVersion = copyInto(files.database, temporary);
      const newest = listBackups(files.folder)[0];
      if (newest?.schemaVersion === schemaVersion && sameBytes(newest.path, temporary)) {
        rmSync(temporary);
        return newest;
      }
      const path = freeName(madeAt, (time) => join(files.backups, `app-v${schemaVersion}-${time}.db`));
      place(temporary, path);
      return describe(path);
    } catch (error) {
      for (const path of [temporary, ...sideFiles(temporary)]) rmSync(path, { force: true });
      throw error;
    }
  });
  if (made === undefined) throw new Error("a backup's own name does not read back");
  prune(files.folder, made);
  return made;
}

/** The backups in the folder, newest first; files with other names are not ours and not listed. */
export function listBackups(folder: string): readonly Backup[] {
  const { backups } = databaseFiles(folder);
  if (!existsSync(backups)) return [];
  return readdirSync(backups)
    .flatMap((name) => describe(join(backups, name)) ?? [])
    .sort((left, right) => right.madeAt.getTime() - left.madeAt.getTime());
}

/** The newest backup that passes `integrity_check`, or undefined. */
export function newestGoodBackup(folder: string): Backup | undefined {
  return listBackups(folder).find((entry) => inspectFile(entry.path, "integrity_check").state === "whole");
}

function copyInto(database: string, temporary: string): number {
  const schemaVersion = withFile(database, (connection) => {
    connection.prepare("VACUUM file INTO ?").run([temporary]);
    return Number(valueOf(connection, "PRAGMA file.user_version"));
  });
  syncFile(temporary);
  const inspection = inspectFile(temporary, "integrity_check");
  if (inspection.state === "damaged" || inspection.recorded.userVersion !== schemaVersion) {
    throw new ErthError({
      code: "DATABASE_DAMAGED",
      message: `A backup of ${database} came out damaged: ${inspection.state === "damaged" ? inspection.reason : "its schema version differs"}. The database was left as it is.`,
      remedy: "check the disk, then start the app again",
    });
  }
  return schemaVersion;
}

// The one just made stays even if the clock has been set back.
function prune(folder: string, made: Backup): void {
  const others = listBackups(folder).filter((entry) => entry.path !== made.path);
  for (const entry of others.slice(KEPT_BACKUPS - 1)) rmSync(entry.path, { force: true });
}

const NAME = /^app-v(\d{1,9})-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z\.db$/;

function describe(path: string): Backup | undefined {
  const name = path.slice(path.search(/[^/\\]+$/));
  const parts = NAME.exec(name);
  if (parts === null) return undefined;
  const [, version, year, month, day, hour, minute, second, ms] = parts;
  const madeAt = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
  if (Number.isNaN(madeAt.getTime())) return undefined;
  return { path, name, schemaVersion: Number(version), madeAt, bytes: statSync(path).size };
}

function sameBytes(left: string, right: string): boolean {
  if (statSync(left).size !== statSync(right).size) return false;
  const [one, two] = [Buffer.alloc(1 << 16), Buffer.alloc(1 << 16)];
  const [first, second] = [openSync(left, "r"), openSync(right, "r")];
  try {
    for (;;) {
      const length = readSync(first, one);
      if (length !== readSync(second, two) || one.compare(two, 0, length, 0, length) !== 0) return false;
      if (length === 0) return true;
    }
  } finally {
    closeSync(first);
    closeSync(second);
  }
}
