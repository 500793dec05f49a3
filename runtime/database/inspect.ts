/**
 * A look at a database file that changes nothing in it (beyond completing a
 * write-ahead log) and leaves it closed.
 *
 * Every start runs `quick_check`: it reads each page and finds torn, foreign
 * and truncated ones in about 2 ms per MB. `integrity_check` also compares
 * every index with its table, at some 20 ms per MB; it is for backups, which
 * must be known to be good before anything relies on them.
 */
import { statSync } from "node:fs";
import { messageOf } from "../base/errors.ts";
import { readRecorded, type Recorded } from "./applied.ts";
import { rowsOf, sqliteCode, withFile } from "./driver.ts";
import { explainFault, isDamage } from "./faults.ts";

export type Check = "quick_check" | "integrity_check";

export type Inspection =
  | { readonly state: "whole"; readonly recorded: Recorded }
  | { readonly state: "damaged"; readonly reason: string };

/** Checks the file and reads what it records; throws only for faults that are not the file's own bytes. */
export function inspectFile(path: string, check: Check): Inspection {
  // SQLite takes an empty file for a new database. Ours is never empty: it appears whole.
  if (statSync(path).size === 0) return { state: "damaged", reason: "it is empty" };
  try {
    return withFile(path, (connection) => {
      const answers = rowsOf(connection, `PRAGMA file.${check}(5)`).map((row) => String(row[check]));
      if (answers.join() !== "ok") return { state: "damaged", reason: answers.join("; ").replaceAll("\n", " ") };
      return { state: "whole", recorded: readRecorded(connection, "file") };
    });
  } catch (error) {
    // The SQL above is fixed: when SQLite refuses it, the file's header or schema is not what we wrote.
    if (isDamage(error) || sqliteCode(error) === "SQLITE_ERROR") return { state: "damaged", reason: messageOf(error) };
    throw explainFault(error, path);
  }
}
