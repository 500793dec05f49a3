/** Names of work folders: they begin with the process that owns them, so that a later run can clean up after a kill. */
import { randomBytes } from "node:crypto";
import { systemCode } from "../../runtime/base/errors.ts";

export function workName(): string {
  return `${process.pid}-${randomBytes(6).toString("hex")}`;
}

/** Whether the process that made this work name still runs. */
export function isProcessAlive(name: string): boolean {
  const pid = Number.parseInt(name, 10);
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}
