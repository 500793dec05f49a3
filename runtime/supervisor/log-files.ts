/**
 * `app.log` and its predecessors `app.log.1` … `app.log.4` in the log folder:
 * one line per line of the sidecar and of the supervisor. Written at once, so
 * that the last words before a crash are on disk; rotated by size.
 */
import { closeSync, fstatSync, openSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../base/errors.ts";

/** `app`: the supervisor itself; `out`, `err`: the sidecar's stdout and stderr. */
export type LogTag = "app" | "out" | "err";

export interface LogFiles {
  write(tag: LogTag, line: string): void;
  /** The newest lines, oldest first, as they stand in the file. */
  last(): readonly string[];
  close(): void;
}

interface LogLimits {
  /** Size at which a file is closed and renamed. */
  readonly bytes: number;
  /** Files kept, the open one included. */
  readonly files: number;
  /** Lines kept in memory. */
  readonly lines: number;
}

const defaultLogLimits: LogLimits = { bytes: 1024 * 1024, files: 5, lines: 200 };

const RETRY_MS = 5000;

/**
 * Opens the log lazily, so it cannot fail. A disk that is full or gone costs
 * lines on disk, never the app: they stay in memory, and the file is tried
 * again every 5 s.
 */
export function openLogFiles(folder: string, limits = defaultLogLimits, now: () => number = Date.now): LogFiles {
  const path = join(folder, "app.log");
  const recent: string[] = [];
  let file: { readonly fd: number; bytes: number } | undefined;
  let silentUntilMs = 0;

  const remember = (line: string): void => {
    recent.push(line);
    if (recent.length > limits.lines) recent.shift();
  };
  const close = (): void => {
    if (file === undefined) return;
    const { fd } = file;
    file = undefined;
    closeSync(fd);
  };
  const open = (): { readonly fd: number; bytes: number } => {
    const fd = openSync(path, "a", 0o600);
    return { fd, bytes: fstatSync(fd).size };
  };
  const rotate = (): void => {
    close();
    for (let number = limits.files - 1; number >= 1; number -= 1) {
      renameIfThere(number === 1 ? path : `${path}.${number - 1}`, `${path}.${number}`);
    }
  };
  const store = (text: string): void => {
    const bytes = Buffer.from(text, "utf8");
    file ??= open();
    if (file.bytes > 0 && file.bytes + bytes.length > limits.bytes) {
      rotate();
      file = open();
    }
    for (let at = 0; at < bytes.length;) {
      const count = writeSync(file.fd, bytes, at);
      at += count;
      file.bytes += count;
    }
  };

  return {
    write: (tag, line) => {
      const stamped = `${new Date(now()).toISOString()} ${tag} ${line}`;
      remember(stamped);
      if (now() < silentUntilMs) return;
      try {
        store(`${stamped}\n`);
      } catch (thrown) {
        silentUntilMs = now() + RETRY_MS;
        remember(`${new Date(now()).toISOString()} app ${path} cannot be written: ${messageOf(thrown)}`);
        try {
          close();
        } catch {
          // The descriptor is gone either way; the line above has the cause.
        }
      }
    },
    last: () => [...recent],
    close: () => {
      try {
        close();
      } catch (thrown) {
        remember(`${path} cannot be closed: ${messageOf(thrown)}`);
      }
    },
  };
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (thrown) {
    if (!(thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT")) throw thrown;
  }
}
