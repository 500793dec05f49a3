/** argv → exit code: finds the command, shows its events, prints errors, ends cleanly on a signal. */
import { ErthError, ProblemsError, type Problem } from "../../runtime/base/errors.ts";
import { systemKeyWorld } from "../keys/key-world.ts";
import pkg from "../../package.json" with { type: "json" };
import { fileFault } from "../tools/file-fault.ts";
import { EXIT, type Command, type ExitCode } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { HELP_FLAGS, parseFlags } from "./flags.ts";
import { jsonReporter } from "./report/json.ts";
import type { Reporter } from "./report/reporter.ts";
import { terminalReporter } from "./report/terminal.ts";
import { refuseExtra } from "./session.ts";

/** Exit code of a shell's job that a signal ended: 128 + the signal's number. */
const SIGNAL_EXIT = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

function help(): string {
  const commands = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(10)} ${summary}\n`).join("");
  return `erth ${pkg.version}: one small file per OS, from any OS\n\nerth <command> [flags]\n\n${commands}\n${HELP_FLAGS}`;
}

function findCommand(name: string): Command {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command) return command;
  throw new ErthError({
    code: "USAGE_COMMAND",
    message: `there is no command ${name}; the commands are ${COMMANDS.map((known) => known.name).join(", ")}.`,
    remedy: "erth --help",
  });
}

/** Bad usage and bad config are the user's to mend before anything runs; they have their own exit code, and so has a finished file that is not right. */
function exitCodeOf(problem: Problem): ExitCode {
  if (/^(USAGE|CONFIG)_/.test(problem.code)) return EXIT.usage;
  return problem.code.startsWith("VERIFY_") ? EXIT.problemsFound : EXIT.failed;
}

function showError(reporter: Reporter, command: string, thrown: unknown): ExitCode {
  const error = thrown instanceof ErthError ? thrown : fileFault(thrown, `erth ${command}`);
  if (error === undefined) {
    reporter.close();
    throw thrown;
  }
  const problems = error instanceof ProblemsError ? error.problems : [error];
  for (const { code, message, remedy } of problems) reporter.show({ type: "problem", code, message, remedy });
  return exitCodeOf(error);
}

async function main(args: readonly string[]): Promise<number> {
  const startedMs = performance.now();
  const isJson = args.includes("--json");
  const reporter = isJson
    ? jsonReporter((line) => process.stdout.write(line))
    : terminalReporter({
        err: process.stderr,
        out: process.stdout,
        quiet: args.includes("--quiet"),
        color: process.stderr.isTTY && !process.env.NO_COLOR,
        clockMs: () => performance.now(),
      });
  const stop = new AbortController();
  let signalExit: number | undefined;
  for (const [signal, exitCode] of Object.entries(SIGNAL_EXIT)) {
    // The first signal stops the stages, which clean up; a second one ends the process at once.
    process.once(signal, () => {
      signalExit = exitCode;
      process.exitCode = exitCode;
      stop.abort(
        new ErthError({
          code: "INTERRUPTED",
          message: `stopped by ${signal}.`,
          remedy: "run the same command again: it continues",
        }),
      );
    });
  }

  const exitCode = await runCommand(args, reporter, stop.signal, startedMs);
  reporter.close();
  return signalExit ?? exitCode;
}

async function runCommand(
  args: readonly string[],
  reporter: Reporter,
  signal: AbortSignal,
  startedMs: number,
): Promise<ExitCode> {
  let name = "";
  const finish = (exitCode: ExitCode): ExitCode => {
    reporter.show({ type: "finished", command: name, exitCode, ms: performance.now() - startedMs });
    return exitCode;
  };
  try {
    const cwd = process.cwd();
    const parsed = parseFlags(args, cwd);
    if (parsed.version || parsed.help || parsed.command === undefined) {
      process.stdout.write(parsed.version ? `${pkg.version}\n` : help());
      return parsed.version || parsed.help ? EXIT.done : EXIT.usage;
    }
    const command = findCommand(parsed.command);
    name = command.name;
    if (!command.takesArguments) refuseExtra(name, parsed.extra);
    const report = reporter.show.bind(reporter);
    const { flags, extra } = parsed;
    const keyWorld = systemKeyWorld(process.env, signal);
    return finish(
      await command.run({ flags, args: extra, cwd, env: process.env, signal, listener: report, keyWorld, report }),
    );
  } catch (error) {
    return finish(showError(reporter, name, signal.aborted ? signal.reason : error));
  }
}

process.exitCode = await main(process.argv.slice(2));
