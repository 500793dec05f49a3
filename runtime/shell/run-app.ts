/**
 * An app from its first line to its last: facts, folders, single instance,
 * supervisor, window. The same for every shell; `erth:shell` is the one that
 * this bundle was built for.
 */
import { appendFileSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { createShell, resourcesFromScript } from "erth:shell";
import type { AppFacts } from "../base/app-facts.ts";
import { ErthError, messageOf } from "../base/errors.ts";
import { appFolders, createFolders, type AppFolders } from "../base/folders.ts";
import { claimSingleInstance } from "../supervisor/single-instance.ts";
import { createSupervisor } from "../supervisor/supervisor.ts";
import { readAppFacts } from "./app-facts-file.ts";
import type { Shell, ShellClosed } from "./shell.ts";

/** The shell's own log stays small: it holds starts that failed, not the running app's lines. */
const LOG_LIMIT_BYTES = 256 * 1024;

/**
 * Runs the app until its window closes, then ends the process: exit code 0, or
 * 1 with `error[CODE] …` on stderr and in `<logs>/shell.log` if there could be
 * no window. A second start hands its arguments to the first and ends with 0.
 */
export async function runApp(): Promise<void> {
  let folders: AppFolders | undefined;
  try {
    const resources = join(import.meta.dirname, resourcesFromScript);
    const facts = readAppFacts(resources);
    folders = appFolders(facts.identifier);
    createFolders(folders);
    await live(facts, folders, resources);
    exit(0);
  } catch (thrown) {
    const text = errorText(thrown);
    console.error(text);
    if (folders !== undefined) log(folders, text);
    exit(1);
  }
}

async function live(facts: AppFacts, folders: AppFolders, resources: string): Promise<void> {
  let shell: Shell | undefined;
  const claim = await claimSingleInstance(folders, facts.identifier, process.argv.slice(2), () => {
    shell?.focus().catch((thrown: unknown) => log(folders, errorText(thrown)));
  });
  if (!claim.first) return;
  const running = createShell(facts.identifier);
  shell = running;

  let latestUrl: string | undefined;
  const firstUrl = Promise.withResolvers<string>();
  let isOpen = false;
  const show = (url: string): void => {
    latestUrl = url;
    firstUrl.resolve(url);
    if (isOpen) running.navigate(url).catch((thrown: unknown) => log(folders, errorText(thrown)));
  };
  const supervisor = createSupervisor(
    { ...sidecarCommand(facts, resources), folders, app: appOf(facts) },
    {
      serving: show,
      broken: show,
      // The page itself says that it is reconnecting; the next `serving` brings it back.
      down: (reason) => console.error(`sidecar is down: ${reason}`),
    },
  );
  try {
    supervisor.start();
    const url = await Promise.race([firstUrl.promise, running.closed]);
    if (typeof url === "string") {
      await running.open({ ...facts.window, url });
      isOpen = true;
      // The sidecar may have come back on another port while the window was being made.
      if (latestUrl !== undefined && latestUrl !== url) await running.navigate(latestUrl);
    }
    const ending = await running.closed;
    if (ending.reason === "crashed") throw ending.error ?? crashed(ending);
  } finally {
    await running.close();
    await supervisor.stop();
    await claim.release();
  }
}

function crashed({ detail }: ShellClosed): ErthError {
  return new ErthError({
    code: "WINDOW_CRASHED",
    message: `the window ended unexpectedly (${detail ?? "no reason given"}).`,
    remedy: "start the app again",
  });
}

/** How to start the sidecar; a `bun` one runs on the very Bun that runs this. */
function sidecarCommand(facts: AppFacts, resources: string): { command: string; args: readonly string[] } {
  const { sidecar } = facts;
  return sidecar.kind === "pkg"
    ? { command: join(resources, sidecar.executable), args: [] }
    : { command: process.execPath, args: ["--no-install", "--no-env-file", join(resources, sidecar.script)] };
}

function appOf({ name, identifier, version }: AppFacts): { name: string; identifier: string; version: string } {
  return { name, identifier, version };
}

function errorText(thrown: unknown): string {
  if (thrown instanceof ErthError) return `error[${thrown.code}] ${thrown.message}\n  do  ${thrown.remedy}`;
  return `error[UNEXPECTED] ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`;
}

function log(folders: AppFolders, text: string): void {
  const file = join(folders.logs, "shell.log");
  try {
    if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > LOG_LIMIT_BYTES) truncateSync(file);
    appendFileSync(file, `${new Date().toISOString()} ${text}\n`, { mode: 0o600 });
  } catch (thrown) {
    // The log is the last resort; stderr has the text already.
    console.error(`shell.log: ${messageOf(thrown)}`);
  }
}

function exit(code: number): void {
  // ElectroBun replaces `process.exit` and loses its argument; its shell reads this one.
  process.exitCode = code;
  process.exit(code);
}
