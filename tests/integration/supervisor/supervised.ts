/** A supervisor in a process of its own, and what a test asks of it. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished } from "vitest";
import type { AppFolders } from "../../../runtime/base/folders.ts";
import type { Timings } from "../../../runtime/supervisor/timings.ts";
import type { Pair } from "./runtimes.ts";

interface HarnessEvent {
  readonly event: "serving" | "down" | "broken" | "url" | "stopped";
  readonly atMs: number;
  readonly state: string;
  readonly sidecarPid?: number;
  readonly url?: string;
  readonly reason?: string;
}

export interface Supervised {
  readonly pid: number;
  readonly folders: AppFolders;
  /** The next event of this kind that no earlier call has taken; rejects after 25 s. */
  next(kind: HarnessEvent["event"]): Promise<HarnessEvent>;
  /** Everything so far. */
  readonly events: readonly HarnessEvent[];
  say(word: "restart" | "stop" | "url"): void;
  kill(): void;
}

const LIMIT_MS = 25_000;

function isEvent(value: unknown): value is HarnessEvent {
  return typeof value === "object" && value !== null && "event" in value && "atMs" in value;
}

export function newFolders(onFinished: (undo: () => void) => void = onTestFinished): AppFolders {
  const home = mkdtempSync(join(tmpdir(), "erth 空-"));
  onFinished(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));
  const folders = { data: join(home, "data"), cache: join(home, "cache"), logs: join(home, "logs") };
  for (const folder of Object.values(folders)) mkdirSync(folder, { mode: 0o700 });
  return folders;
}

export interface SuperviseOptions {
  readonly command?: string;
  /** Tests that run side by side pass their own. */
  readonly onFinished?: (undo: () => void) => void;
}

export function supervise(
  { parent, child }: Pair,
  args: readonly string[],
  timings: Partial<Timings> = {},
  folders = newFolders(),
  { command = child.path, onFinished = onTestFinished }: SuperviseOptions = {},
): Supervised {
  const app = { name: "Fake <App>", identifier: "dev.erth.fake", version: "1.0.0" };
  const options = JSON.stringify({ command, args, folders, app, timings });
  const harness = spawn(parent.path, [join(import.meta.dirname, "supervisor-main.ts"), options], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const events: HarnessEvent[] = [];
  const untaken: HarnessEvent[] = [];
  let wake = (): void => {};
  createInterface({ input: harness.stdout }).on("line", (line) => {
    const event: unknown = JSON.parse(line);
    if (!isEvent(event)) throw new Error(`not an event: ${line}`);
    events.push(event);
    untaken.push(event);
    wake();
  });
  onFinished(() => void harness.kill("SIGKILL"));
  return {
    pid: harness.pid ?? 0,
    folders,
    events,
    next: async (kind) => {
      const deadline = Date.now() + LIMIT_MS;
      for (;;) {
        const index = untaken.findIndex(({ event }) => event === kind);
        const [found] = index < 0 ? [] : untaken.splice(index, 1);
        if (found !== undefined) return found;
        const leftMs = deadline - Date.now();
        if (leftMs <= 0) throw new Error(`no "${kind}" in ${LIMIT_MS} ms; so far ${JSON.stringify(events)}`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, leftMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    },
    say: (word) => void harness.stdin.write(`${word}\n`),
    kill: () => void harness.kill("SIGKILL"),
  };
}

/** Opens a boot URL as a window does; gives the origin and the cookie. */
export async function boot(url: string): Promise<{ origin: string; cookie: string }> {
  const answer = await fetch(url, { redirect: "manual" });
  if (answer.status !== 303) throw new Error(`the boot URL answers ${answer.status}`);
  return { origin: new URL(url).origin, cookie: answer.headers.get("set-cookie")?.split(";")[0] ?? "" };
}

/** Whether the process is gone; one that only waits to be reaped is. */
export function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return true;
  }
  if (process.platform !== "linux") return false;
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    // It ended between the two looks.
    return true;
  }
}

/** Waits until the process is gone; a bound only for one that never goes. */
export async function gone(pid: number): Promise<void> {
  await expect.poll(() => isGone(pid), { timeout: LIMIT_MS, interval: 5 }).toBe(true);
}

/** Makes the good fake loop for ever, and waits until it answers nothing any more. */
export async function spin(origin: string, cookie: string): Promise<void> {
  await fetch(`${origin}/busy`, { headers: { cookie } });
  const isBusy = async (): Promise<boolean> => {
    const look = fetch(origin, { headers: { cookie }, signal: AbortSignal.timeout(500) });
    return await look.then(
      () => false,
      () => true,
    );
  };
  await expect.poll(isBusy, { timeout: LIMIT_MS, interval: 5 }).toBe(true);
}
