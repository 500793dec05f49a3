/**
 * The database's start, in order:
 *
 * 1. What a killed start left half-written is deleted; a restore that was
 *    decided is completed.
 * 2. First start: the seed is put in place. Later: the file is checked.
 * 3. Its record must fit this app's migrations; a newer schema is refused.
 * 4. It is opened, with every pragma verified.
 * 5. Pending migrations run, after a backup.
 *
 * A file that is refused is left as it is. Starts take turns, so that two
 * processes never make or migrate it at once.
 */
import { existsSync, mkdirSync } from "node:fs";
import type { DatabaseBundle } from "../base/database-bundle.ts";
import { ErthError } from "../base/errors.ts";
import { closeConnection, openConnection } from "./connection.ts";
import { explained } from "./faults.ts";
import { databaseFiles, removeLeftovers, type DatabaseFiles } from "./files.ts";
import { pendingMigrations } from "./history.ts";
import { inspectFile } from "./inspect.ts";
import { withLock } from "./lock.ts";
import { migrate } from "./migrate.ts";
import { completeRestore, restoreRemedy } from "./restore.ts";
import { placeSeed } from "./seed.ts";
import type { Store } from "./store.ts";
import { createStore } from "./store-libsql.ts";
import type { Recorded } from "./applied.ts";

export interface OpenOptions {
  /** The user's data folder, absolute; created with mode 0700 if missing. */
  readonly folder: string;
  readonly bundle: DatabaseBundle;
  readonly now?: () => Date;
  readonly log?: (text: string) => void;
}

/**
 * Opens the app's database, made or migrated as needed. Throws
 * `DATABASE_DAMAGED` (naming the newest good backup), `DATABASE_NEWER`,
 * `DATABASE_UNKNOWN`, `DATABASE_MIGRATION_CHANGED`, `…_MISSING`, `…_FAILED`,
 * `DATABASE_NOT_WRITABLE`, `DATABASE_DISK_FULL`, `DATABASE_BUSY`.
 */
export function openDatabase(options: OpenOptions): Store {
  const { folder, bundle, now = () => new Date(), log = () => undefined } = options;
  const files = databaseFiles(folder);
  explained(folder, () => mkdirSync(folder, { recursive: true, mode: 0o700 }));
  return withLock(files, () => {
    removeLeftovers(files);
    if (existsSync(files.restore)) {
      const { schemaVersion, replaced } = completeRestore(files, now);
      log(`database: restored a backup of version ${schemaVersion}; what it replaced is ${replaced ?? "nothing"}`);
    }
    if (!existsSync(files.database)) {
      placeSeed(files, bundle);
      log(`database: made ${files.database} at version ${bundle.schemaVersion}`);
    }
    const pending = pendingMigrations(recordOf(files), bundle, files.database);
    const connection = openConnection(files.database);
    try {
      if (pending.length > 0) migrate({ connection, files, bundle, pending, now, log });
      return createStore(connection, files.database);
    } catch (error) {
      closeConnection(connection);
      throw error;
    }
  });
}

function recordOf(files: DatabaseFiles): Recorded {
  const inspection = inspectFile(files.database, "quick_check");
  if (inspection.state === "whole") return inspection.recorded;
  throw new ErthError({
    code: "DATABASE_DAMAGED",
    message: `${files.database} is damaged: ${inspection.reason}. It was left as it is.`,
    remedy: restoreRemedy(files),
    facts: { path: files.database, reason: inspection.reason },
  });
}
