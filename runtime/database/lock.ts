/**
 * One process at a time changes which files there are: starts, backups and
 * restores take turns. The lock is SQLite's own, on an empty file beside the
 * database, so that the system releases it when its holder dies. It is not
 * held while the app runs.
 */
import { rowsOf, withFile } from "./driver.ts";
import { explained } from "./faults.ts";
import type { DatabaseFiles } from "./files.ts";

/** Runs `work` alone. Throws `DATABASE_BUSY` after five seconds of waiting, `DATABASE_NOT_WRITABLE`, or what `work` throws. */
export function withLock<Result>(files: DatabaseFiles, work: () => Result): Result {
  return explained(files.database, () =>
    withFile(files.lock, (connection) => {
      // Nothing is written, so no journal needs to exist even for a moment.
      rowsOf(connection, "PRAGMA file.journal_mode = MEMORY");
      connection.exec("BEGIN EXCLUSIVE");
      try {
        return work();
      } finally {
        connection.exec("ROLLBACK");
      }
    }),
  );
}
