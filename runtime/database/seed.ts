/**
 * The first start: the seed inside the app becomes the user's database. It is
 * written under another name, synced, read back, checked, and only then given
 * its own name. Needs the lock.
 */
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { DatabaseBundle } from "../base/database-bundle.ts";
import { ErthError, messageOf } from "../base/errors.ts";
import { explained } from "./faults.ts";
import { place, sideFiles, temporaryName, type DatabaseFiles } from "./files.ts";
import { pendingMigrations } from "./history.ts";
import { inspectFile } from "./inspect.ts";

/**
 * Copies the seed to `files.database`, which must not exist. A write-ahead log whose database is
 * gone is deleted first: it would be replayed into the seed. Throws
 * `DATABASE_SEED` for a seed that is not whole, `DATABASE_DISK_FULL` and
 * `DATABASE_NOT_WRITABLE`; nothing is left behind then.
 */
export function placeSeed(files: DatabaseFiles, bundle: DatabaseBundle): void {
  const temporary = temporaryName(files.database);
  explained(files.database, () => {
    try {
      writeSynced(temporary, bundle.seed);
      if (!readFileSync(temporary).equals(bundle.seed)) throw seedError("it reads back otherwise than it was written");
      checkSeed(temporary, bundle);
      for (const side of sideFiles(files.database)) rmSync(side, { force: true });
      place(temporary, files.database);
    } catch (error) {
      for (const path of [temporary, ...sideFiles(temporary)]) rmSync(path, { force: true });
      throw error;
    }
  });
}

function writeSynced(path: string, bytes: Uint8Array): void {
  const descriptor = openSync(path, "wx", 0o600);
  try {
    writeFileSync(descriptor, bytes);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function checkSeed(path: string, bundle: DatabaseBundle): void {
  const inspection = inspectFile(path, "integrity_check");
  if (inspection.state === "damaged") throw seedError(inspection.reason);
  try {
    const pending = pendingMigrations(inspection.recorded, bundle, "the seed");
    if (pending.length > 0) throw seedError(`it lacks ${pending.map((migration) => migration.name).join(", ")}`);
  } catch (error) {
    throw error instanceof ErthError && error.code === "DATABASE_SEED" ? error : seedError(messageOf(error), error);
  }
}

function seedError(why: string, cause?: unknown): ErthError {
  return new ErthError({
    code: "DATABASE_SEED",
    message: `The database inside this app cannot be used: ${why}.`,
    remedy: "download the app again; if you build it, run erth build",
    cause,
  });
}
