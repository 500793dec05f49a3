/** Child processes: no shell, captured output, secrets revealed only here and redacted from every message. */
import { spawn } from "node:child_process";
import { ErthError } from "../../runtime/base/errors.ts";
import type { Secret } from "../../runtime/base/secret.ts";

export interface ExecOptions {
  readonly cwd?: string;
  /** Added to this process's environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | Secret | undefined>>;
  readonly stdin?: string | Uint8Array;
  readonly signal?: AbortSignal;
}

export interface ExecResult {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; a non-zero exit is an `EXEC_FAILED` error with the end of its output. */
export type Exec = (file: string, args: readonly (string | Secret)[], options?: ExecOptions) => Promise<ExecResult>;

const TAIL_CHARACTERS = 2000;

export const exec: Exec = async (file, args, options = {}) => {
  const secrets: string[] = [];
  const reveal = (value: string | Secret): string => {
    if (typeof value === "string") return value;
    const text = value.reveal();
    if (text !== "") secrets.push(text);
    return text;
  };
  const redact = (text: string): string => secrets.reduce((rest, secret) => rest.replaceAll(secret, "[secret]"), text);

  const env: Record<string, string | undefined> = { ...process.env };
  for (const [name, value] of Object.entries(options.env ?? {})) {
    if (value === undefined) delete env[name];
    else env[name] = reveal(value);
  }
  const child = spawn(file, args.map(reveal), {
    cwd: options.cwd,
    env,
    signal: options.signal,
    stdio: ["pipe", "pipe", "pipe"],
    windowsHide: true,
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  // A child that exits without reading its input is judged by its exit code.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.stdin);

  const command = redact([file, ...args.map(String)].join(" "));
  const code = await new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.on("error", (cause) =>
      reject(
        options.signal?.aborted
          ? cause
          : new ErthError({
              code: "EXEC_NOT_STARTED",
              message: `${file} could not be started: ${cause.message}.`,
              remedy: `check that ${file} is installed and executable`,
              cause,
            }),
      ),
    );
    child.on("close", (exitCode, killedBy) => resolve(exitCode ?? killedBy));
  });
  const result = { stdout: redact(Buffer.concat(stdout).toString()), stderr: redact(Buffer.concat(stderr).toString()) };
  if (code !== 0) {
    const tail = `${result.stdout}\n${result.stderr}`.trim().slice(-TAIL_CHARACTERS);
    throw new ErthError({
      code: "EXEC_FAILED",
      message: `${command} ended with ${code}.\n${tail}`,
      remedy: "read the output above",
      facts: { command, code },
    });
  }
  return result;
};
