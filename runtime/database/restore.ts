/**
 * Putting a backup in the database's place, so that a kill at any point leaves
 * either the old state or the new one:
 *
 * 1. The backup is checked and copied to `app.db.restore`. Its rename to that
 *    name is the decision; from here every start completes the restore.
 * 2. The old database gets a second name, `app-replaced-<time>.db`.
 * 3. Its write-ahead log is deleted: it must not be replayed into the backup.
 * 4. `app.db.restore` is renamed to `app.db`.
 *
 * Because of step 1, a user can restore by hand with one copy command.
 */
import { copyFileSync, existsSync, rmSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { ErthError, messageOf } from "../base/errors.ts";
import { newestGoodBackup } from "./backup.ts";
import { rowsOf, withFile } from "./driver.ts";
import { explained, isBusy, isDamage } from "./faults.ts";
import {
  databaseFiles,
  freeName,
  keepAside,
  place,
  sideFiles,
  syncFile,
  syncFolder,
  temporaryName,
  type DatabaseFiles,
} from "./files.ts";
import { inspectFile } from "./inspect.ts";
import { withLock } from "./lock.ts";

export interface RestoreOptions {
  /** The user's data folder, absolute. */
  readonly folder: string;
  /** A backup's file name, or any path to one. */
  readonly backup: string;
  readonly now?: () => Date;
}

export interface Restored {
  readonly schemaVersion: number;
  /** Where the replaced database is now; undefined if there was none. */
  readonly replaced: string | undefined;
}

/**
 * Puts a backup in the database's place while the app is not running. Throws
 * `DATABASE_BACKUP_DAMAGED`, `DATABASE_BACKUP_MISSING`, and `DATABASE_BUSY` if
 * the database is open; nothing has changed then.
 */
export function restore(options: RestoreOptions): Restored {
  const files = databaseFiles(options.folder);
  const path = isAbsolute(options.backup) ? options.backup : join(files.backups, options.backup);
  if (!existsSync(path)) {
    throw new ErthError({
      code: "DATABASE_BACKUP_MISSING",
      message: `${path} does not exist.`,
      remedy: `choose a backup from ${files.backups}`,
    });
  }
  return withLock(files, () => {
    checkBackup(path, "integrity_check");
    foldLog(files);
    const temporary = temporaryName(files.restore);
    try {
      copyFileSync(path, temporary);
      syncFile(temporary);
      checkBackup(temporary, "quick_check");
      place(temporary, files.restore);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
    return completeRestore(files, options.now ?? (() => new Date()));
  });
}

/** Steps 2 to 4, for `restore` and for a start that finds `app.db.restore`; each may have been done already. Needs the lock. */
export function completeRestore(files: DatabaseFiles, now: () => Date): Restored {
  return explained(files.database, () => {
    const schemaVersion = checkBackup(files.restore, "quick_check");
    let replaced: string | undefined;
    if (existsSync(files.database)) {
      foldLog(files);
      replaced = freeName(now(), (time) => join(files.folder, `app-replaced-${time}.db`));
      keepAside(files.database, replaced);
      keepAside(`${files.database}-wal`, `${replaced}-wal`);
      syncFolder(files.folder);
    }
    for (const side of [...sideFiles(files.database), ...sideFiles(files.restore)]) rmSync(side, { force: true });
    place(files.restore, files.database);
    return { schemaVersion, replaced };
  });
}

/** What to do about a damaged database, ending in the command that restores the newest good backup. */
export function restoreRemedy(files: DatabaseFiles): string {
  const good = newestGoodBackup(files.folder);
  if (good === undefined) {
    return `there is no good backup in ${files.backups}; move ${files.database} to another folder and start again: the app makes a new one`;
  }
  const copy = process.platform === "win32" ? "copy" : "cp";
  return `the newest good backup is ${good.name} of ${good.madeAt.toISOString()}; quit the app, type ${copy} "${good.path}" "${files.restore}" and start the app: it puts the backup in place and keeps the damaged file beside it`;
}

function checkBackup(path: string, check: "quick_check" | "integrity_check"): number {
  const inspection = inspectFile(path, check);
  if (inspection.state === "whole" && inspection.recorded.applied !== undefined) return inspection.recorded.userVersion;
  throw new ErthError({
    code: "DATABASE_BACKUP_DAMAGED",
    message: `${path} cannot be restored: ${inspection.state === "damaged" ? inspection.reason : "it is no backup of this app"}. The database was left as it is.`,
    remedy: `delete ${path} and choose another backup`,
  });
}

/**
 * Moves the write-ahead log into the database, which succeeds only if no other
 * connection has it open. A damaged database keeps its log, which is then set
 * aside with it.
 */
function foldLog(files: DatabaseFiles): void {
  if (!existsSync(files.database)) return;
  try {
    withFile(files.database, (connection) => {
      rowsOf(connection, "PRAGMA busy_timeout = 500");
      rowsOf(connection, "PRAGMA file.journal_mode = DELETE");
    });
  } catch (error) {
    if (isBusy(error)) {
      throw new ErthError({
        code: "DATABASE_BUSY",
        message: `${files.database} is open, so it cannot be replaced: ${messageOf(error)}.`,
        remedy: "quit the app and try again",
        cause: error,
      });
    }
    if (!isDamage(error)) throw error;
  }
}
