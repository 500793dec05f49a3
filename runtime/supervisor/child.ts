/** The sidecar's process: spawn, the four pipes, and how it is asked or made to end. */
import { spawn, type ChildProcess } from "node:child_process";
import { Readable } from "node:stream";
import { messageOf } from "../base/errors.ts";
import { READY_FD, STOP_LINE, type Hello } from "../sidecar/protocol.ts";
import { createLineCutter } from "./lines.ts";

export interface ChildCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>> | undefined;
}

export interface ChildEvents {
  line(stream: "out" | "err", line: string): void;
  /** Bytes of fd 3. */
  control(chunk: Uint8Array): void;
  /** Once: the process is gone, or never came to be. Lines may still follow. */
  ended(reason: string): void;
}

export interface Child {
  readonly pid: number | undefined;
  /** Asks for an orderly end. */
  askToStop(): void;
  terminate(): void;
  kill(): void;
}

/** Variables that would make a runtime inside the sidecar load code or flags of the user's development tools. */
const FOREIGN = ["NODE_OPTIONS", "NODE_PATH", "BUN_OPTIONS", "BUN_INSPECT", "NODE_CHANNEL_FD"];

/**
 * Bun up to 1.3 closes the descriptor behind `stdio[3]` twice: with the socket,
 * and again when the child object is collected (oven-sh/bun#30444). By then the
 * number may belong to the next sidecar's fd 3 or exit watcher. So on Bun no
 * child object is ever collected; one is a few kilobytes.
 */
const kept: ChildProcess[] = [];

/** Starts the sidecar and hands it its Hello; a command that cannot run is reported by `ended`, not thrown. */
export function spawnChild({ command, args, env }: ChildCommand, hello: Hello, on: ChildEvents): Child {
  let hasEnded = false;
  const ended = (reason: string): void => {
    if (hasEnded) return;
    hasEnded = true;
    on.ended(reason);
  };
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !FOREIGN.includes(name)));
  let child: ChildProcess;
  try {
    child = spawn(command, args, {
      env: { ...inherited, ...env },
      stdio: ["pipe", "pipe", "pipe", "pipe"],
      windowsHide: true,
    });
  } catch (thrown) {
    // Bun throws where Node emits `error`; both come to the caller in a later turn.
    queueMicrotask(() => ended(`the sidecar cannot be started: ${messageOf(thrown)}`));
    return { pid: undefined, askToStop: nothing, terminate: nothing, kill: nothing };
  }
  if (typeof Bun !== "undefined") kept.push(child);
  child.on("error", (error) => {
    if (child.pid === undefined) ended(`the sidecar cannot be started: ${error.message}`);
    else on.line("err", `sidecar process: ${error.message}`);
  });
  child.on("exit", (code, signal) =>
    ended(signal === null ? `the sidecar exited with code ${code}` : `the sidecar was ended by ${signal}`),
  );

  // The other end may be gone at any time; `exit` tells the rest.
  child.stdin?.on("error", nothing);
  child.stdin?.write(`${JSON.stringify(hello)}\n`);
  for (const stream of ["out", "err"] as const) {
    const cutter = createLineCutter((line) => on.line(stream, line));
    const pipe = stream === "out" ? child.stdout : child.stderr;
    pipe?.on("data", (chunk: Uint8Array) => cutter.push(chunk));
    pipe?.on("close", () => cutter.end());
    pipe?.on("error", nothing);
  }
  const control = child.stdio[READY_FD];
  if (control instanceof Readable) {
    control.on("data", (chunk: Uint8Array) => on.control(chunk));
    control.on("error", nothing);
  }

  return {
    pid: child.pid,
    askToStop: () => {
      if (hasEnded) return;
      child.stdin?.write(`${STOP_LINE}\n`);
      // On Windows this would end the process at once, without its orderly end.
      if (process.platform !== "win32") child.kill("SIGTERM");
    },
    terminate: () => void (hasEnded || child.kill("SIGTERM")),
    kill: () => void (hasEnded || child.kill("SIGKILL")),
  };
}

function nothing(): void {}
