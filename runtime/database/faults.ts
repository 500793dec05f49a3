/** What SQLite and the file system say → errors that a user can act on. */
import { ErthError, messageOf, systemCode } from "../base/errors.ts";
import { sqliteCode } from "./driver.ts";

/** Whether SQLite says that the file's own bytes are damaged. */
export function isDamage(thrown: unknown): boolean {
  const code = sqliteCode(thrown) ?? "";
  return /^SQLITE_(?:CORRUPT|NOTADB|FORMAT|IOERR_SHORT_READ)/.test(code);
}

/** Whether another connection holds the file. */
export function isBusy(thrown: unknown): boolean {
  return /^SQLITE_(?:BUSY|LOCKED)/.test(sqliteCode(thrown) ?? "");
}

/**
 * The error to throw instead of `thrown`: `DATABASE_DISK_FULL`,
 * `DATABASE_NOT_WRITABLE`, `DATABASE_BUSY` or `DATABASE_DAMAGED` where the
 * user's surroundings are at fault; anything else, such as a constraint, comes
 * back unchanged.
 */
export function explainFault(thrown: unknown, path: string): unknown {
  const system = systemCode(thrown);
  const sqlite = sqliteCode(thrown) ?? "";
  const code = sqlite || system || "";
  const because = `${messageOf(thrown)} (${code})`;
  const fault = (name: string, message: string, remedy: string): ErthError =>
    new ErthError({ code: name, message, remedy, cause: thrown, facts: { path, code } });

  // EFBIG and EDQUOT are limits on one file and on one user: to them the disk is full.
  if (/^(?:ENOSPC|EDQUOT|EFBIG|SQLITE_FULL)/.test(code)) {
    return fault(
      "DATABASE_DISK_FULL",
      `${path} cannot grow: the disk is full: ${because}. Nothing was lost.`,
      "free some space on that disk and start again",
    );
  }
  if (/^(?:EACCES|EPERM|EROFS|SQLITE_READONLY|SQLITE_CANTOPEN|SQLITE_PERM)/.test(code)) {
    return fault(
      "DATABASE_NOT_WRITABLE",
      `${path} cannot be opened for writing: ${because}.`,
      "give your user write permission on that file and its folder, and start again",
    );
  }
  if (isBusy(thrown)) {
    return fault(
      "DATABASE_BUSY",
      `${path} is in use by another process: ${because}.`,
      "quit every other window of this app, wait a few seconds and start again",
    );
  }
  if (isDamage(thrown)) {
    return fault(
      "DATABASE_DAMAGED",
      `${path} is damaged: ${because}. It was left as it is.`,
      "quit the app and start it again: it names the newest good backup",
    );
  }
  if (sqlite.startsWith("SQLITE_IOERR")) {
    return fault(
      "DATABASE_UNREADABLE",
      `${path} cannot be read or written: ${because}.`,
      "check the disk and its free space, and start again",
    );
  }
  return thrown;
}

/** Runs `work`; what it throws comes out explained. */
export function explained<Result>(path: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw explainFault(error, path);
  }
}
