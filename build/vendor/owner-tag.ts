/**
 * Names that say who is writing a temporary file or folder, so that what a
 * killed process left behind can be told from what a living one still fills.
 */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { systemCode } from "../../runtime/base/errors.ts";

/** Longer than a living download stays silent: its stall limit and backoff together. */
const ABANDONED_AFTER_MS = 10 * 60_000;

const host = hostname().replaceAll(/[^A-Za-z0-9-]/g, "-") || "host";

/** A part of a file name, unique to this call: `<host>.<pid>.<random>`. */
export function ownerTag(): string {
  return `${host}.${process.pid}.${randomBytes(4).toString("hex")}`;
}

/** Whether nobody writes to the file of this tag any more; `modifiedMs` is its last change. */
export function isAbandoned(tag: string, modifiedMs: number): boolean {
  if (Date.now() - modifiedMs > ABANDONED_AFTER_MS) return true;
  const [where, pid] = tag.split(".");
  // Another machine or container on the same cache: only its silence tells.
  if (where !== host) return false;
  return !isRunning(Number(pid));
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}
