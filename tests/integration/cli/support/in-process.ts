/** Runs a command in this process, with services on loopback, and keeps everything that it tells. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command, CommandContext, ExitCode } from "../../../../build/cli/command.ts";
import { parseFlags } from "../../../../build/cli/flags.ts";
import type { CliEvent } from "../../../../build/cli/report/reporter.ts";
import type { UserConfig } from "../../../../build/config/schema.ts";
import type { KeyWorld } from "../../../../build/keys/key-world.ts";
import { ErthError, ProblemsError } from "../../../../runtime/base/errors.ts";
import { fakeKeyWorld } from "../../../fakes/key-world.ts";
import { sampleConfig } from "../../../unit/config/sample.ts";

export interface Ended {
  readonly exitCode: ExitCode | undefined;
  /** The codes of what it threw. */
  readonly codes: readonly string[];
  /** Every event and every problem, as JSON lines. */
  readonly output: string;
}

export interface CommandRequest {
  readonly folder: string;
  /** What follows the command's name. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly world?: Partial<KeyWorld>;
}

/** Writes a project with this `signing` section and nothing built. */
export async function writeProject(folder: string, signing: UserConfig["signing"]): Promise<void> {
  for (const path of ["icons/icon.svg", "shell/main.ts", "sidecar/main.ts"]) {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), "");
  }
  await mkdir(join(folder, ".git"), { recursive: true });
  await writeFile(join(folder, "erth.config.json"), JSON.stringify({ ...sampleConfig(), signing }));
}

export async function runCommand(command: Command, request: CommandRequest): Promise<Ended> {
  const { folder, args = [], env = {}, world = {} } = request;
  const { flags, extra } = parseFlags([command.name, ...args], folder);
  const events: CliEvent[] = [];
  const report = (event: CliEvent): void => void events.push(event);
  const signal = new AbortController().signal;
  const ctx: CommandContext = {
    flags,
    args: extra,
    cwd: folder,
    env: { ERTH_CACHE: join(folder, "cache"), ...env },
    signal,
    listener: report,
    keyWorld: fakeKeyWorld(env, { signal, ...world }),
    report,
  };
  let exitCode: ExitCode | undefined;
  let problems: readonly ErthError[] | ProblemsError["problems"] = [];
  try {
    exitCode = await command.run(ctx);
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    problems = error instanceof ProblemsError ? error.problems : [error];
  }
  const told = problems.map(({ code, message, remedy }) => ({ code, message, remedy }));
  const output = [...events, ...told].map((line) => JSON.stringify(line)).join("\n");
  return { exitCode, codes: told.map(({ code }) => code), output };
}
