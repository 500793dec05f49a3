/**
 * A look at a database file that changes nothing in it (beyond completing a
 * write-ahead log) and leaves it closed.
 *
 * Every start runs `quick_check`: it reads each page and finds torn, foreign
 * and truncated ones in about 2 ms per MB. `integrity_check` also compares
 * every index with its table, at some 20 ms per MB; it is for backups, which
 * must be known to be good before anything relies on them.
 */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { messageOf } from "../base/errors.ts";
import { readRecorded, type Recorded } from "./applied.ts";
import { rowsOf, sqliteCode, textOfBytes, withFile } from "./driver.ts";
import { explainFault, isDamage } from "./faults.ts";

export type Check = "quick_check" | "integrity_check";

export type Inspection =
  | { readonly state: "whole"; readonly recorded: Recorded }
  | { readonly state: "damaged"; readonly reason: string };

/** Checks the file and reads what it records; throws only for faults that are not the file's own bytes. */
export function inspectFile(path: string, check: Check): Inspection {
  try {
    const misshapen = shapeFault(path);
    if (misshapen !== undefined) return { state: "damaged", reason: misshapen };
    return withFile(path, (connection) => {
      const rows = rowsOf(connection, `SELECT CAST(${check} AS BLOB) AS answer FROM pragma_${check}(5, 'file')`);
      const answer = rows.map((row) => textOfBytes(row.answer)).join("; ");
      if (answer !== "ok") return { state: "damaged", reason: answer.replaceAll("\n", " ") };
      return { state: "whole", recorded: readRecorded(connection) };
    });
  } catch (error) {
    // The SQL above is fixed: when SQLite refuses it, the file's header or schema is not what we wrote.
    if (isDamage(error) || sqliteCode(error) === "SQLITE_ERROR") return { state: "damaged", reason: messageOf(error) };
    throw explainFault(error, path);
  }
}

// File format §1.3: the page size stands at offset 16, and 1 means 65536.
const HEADER_BYTES = 100;
const SMALLEST_PAGE_BYTES = 512;

/**
 * What SQLite forgives and we do not: it takes an empty file for a new
 * database, and reads the missing end of the last page as zeros.
 */
function shapeFault(path: string): string | undefined {
  const { size } = statSync(path);
  if (size < SMALLEST_PAGE_BYTES) return `it is only ${size} bytes long`;
  const header = Buffer.alloc(HEADER_BYTES);
  const descriptor = openSync(path, "r");
  try {
    readSync(descriptor, header, 0, HEADER_BYTES, 0);
  } finally {
    closeSync(descriptor);
  }
  const stored = header.readUInt16BE(16);
  const pageBytes = stored === 1 ? 65_536 : stored;
  // A checkpoint that met a full disk leaves part of a page; the log still holds all of it.
  const log = statSync(`${path}-wal`, { throwIfNoEntry: false });
  if (log !== undefined && log.size > 0) return undefined;
  if (pageBytes >= SMALLEST_PAGE_BYTES && size % pageBytes !== 0) {
    return `its last page is cut off after ${size % pageBytes} of ${pageBytes} bytes`;
  }
  return undefined;
}
