/** Finds the processes of one app run by a marker in their environment, so that a test can count and kill exactly those. */
import { readFileSync, readdirSync, readlinkSync } from "node:fs";

export interface FoundProcess {
  readonly pid: number;
  readonly parent: number;
  readonly executable: string;
  readonly commandLine: readonly string[];
  readonly residentBytes: number;
}

const PAGE_BYTES = 4096;

function read(pid: string): FoundProcess {
  const commandLine = readFileSync(`/proc/${pid}/cmdline`, "utf8")
    .split("\0")
    .filter((part) => part !== "");
  // `stat` puts the name in parentheses, and the name may hold spaces: fields count from the last ")".
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(")").at(-1)?.trim().split(" ") ?? [];
  return {
    pid: Number(pid),
    parent: Number(fields[1]),
    executable: readlinkSync(`/proc/${pid}/exe`),
    commandLine,
    residentBytes: Number(fields[21]) * PAGE_BYTES,
  };
}

/** Every living process with `NAME=value` in its environment. */
export function processesWith(marker: string): readonly FoundProcess[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      if (!readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(marker)) return [];
      return [read(pid)];
    } catch (error) {
      // It ended while we looked, or is a zombie, which has no environment any more.
      if (error instanceof Error && "code" in error && ["ENOENT", "ESRCH", "EACCES"].includes(String(error.code)))
        return [];
      throw error;
    }
  });
}

/** Polls until `check` gives a value that is not undefined or false. */
export async function waitFor<Value>(
  what: string | (() => string),
  timeoutMs: number,
  check: () => Value | undefined | false,
): Promise<Value> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = check();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms for ${typeof what === "string" ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
