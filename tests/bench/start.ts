/**
 * What a user waits for, on the finished Linux file under Xvfb: file to window
 * with content (first and later starts), a crashed and a hung sidecar until it
 * serves again, and the resident memory of every process.
 * Usage: node tests/bench/start.ts FILE; needs Xvfb, and xwd of the package x11-apps.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { renderTable } from "../../build/cli/report/table.ts";
import { formatSize } from "../../build/config/size.ts";
import { startDisplay, type Display } from "../e2e/support/display.ts";
import { killIfThere } from "../support/kill.ts";
import { processesWith, waitFor, type FoundProcess } from "../e2e/support/processes.ts";

const file = resolve(process.argv[2] ?? "");
const STARTS = 5;
/** A window with text has more colours than an empty one, whatever the theme. */
const CONTENT_COLOURS = 40;

/** How many colours the screen shows, from the raw pixels of an XWD dump. */
function coloursOf(display: Display): number {
  const dump = execFileSync("xwd", ["-root", "-silent", "-display", display.name], { maxBuffer: 1 << 26 });
  const headerBytes = dump.readUInt32BE(0) + dump.readUInt32BE(76) * 12;
  const seen = new Set<number>();
  for (let offset = headerBytes; offset + 4 <= dump.length && seen.size <= CONTENT_COLOURS; offset += 4)
    seen.add(dump.readUInt32LE(offset));
  return seen.size;
}

const folder = mkdtempSync(join(tmpdir(), "erth-bench-"));
const id = randomBytes(8).toString("hex");
const display = await startDisplay();
const ours = (): readonly FoundProcess[] => processesWith(`ERTH_BENCH=${id}`);
const sidecar = (): FoundProcess | undefined =>
  ours().find(
    (found) =>
      found.executable.endsWith("-sidecar") || found.commandLine.some((part) => part.endsWith("sidecar/main.js")),
  );
const start = (): ChildProcess =>
  spawn(file, [], {
    env: { HOME: join(folder, "home"), DISPLAY: display.name, PATH: "/nowhere", LANG: "C.UTF-8", ERTH_BENCH: id },
    stdio: "ignore",
  });
const stop = async (): Promise<void> => {
  for (const { pid } of ours()) killIfThere(pid);
  await waitFor("the app to be gone", 10_000, () => ours().length === 0);
  // Else the next start would seem to have drawn what this one left.
  await waitFor("an empty screen", 10_000, () => coloursOf(display) <= 2);
};
/** The supervisor's own account of a start: when it served, and how long after the spawn. */
interface Served {
  readonly pid: number;
  readonly atMs: number;
  readonly afterMs: number;
}
/** From `app.log`, whose times do not depend on how often one looks. */
function servedBy(isIt: (pid: number) => boolean): Served | undefined {
  const path = join(folder, "home/.local/state/dev.erth.assistant/logs/app.log");
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  for (const [, time = "", pid, afterMs] of text.matchAll(
    /^(\S+) app sidecar (\d+) serves on port \d+ after (\d+) ms$/gm,
  ))
    if (isIt(Number(pid))) return { pid: Number(pid), atMs: Date.parse(time), afterMs: Number(afterMs) };
  return undefined;
}
/** From a signal to the sidecar until another one serves, in milliseconds. */
async function recovery(signal: "SIGKILL" | "SIGSTOP"): Promise<number> {
  const known = new Set(ours().map(({ pid }) => pid));
  const { pid } = await waitFor("a sidecar", 60_000, sidecar);
  const beganMs = Date.now();
  process.kill(pid, signal);
  const next = await waitFor("the next sidecar", 60_000, () => servedBy((other) => isOurs(other) && !known.has(other)));
  return next.atMs - beganMs;
}
const isOurs = (pid: number): boolean => ours().some((found) => found.pid === pid);
const msSince = (started: number): number => Math.round(performance.now() - started);
const row = (what: string, values: readonly number[]): string[] => {
  const sorted = values.toSorted((a, b) => a - b);
  return [what, ...[sorted[0], sorted[Math.floor(sorted.length / 2)], sorted.at(-1)].map((ms) => `${ms} ms`)];
};

/** One process: its program, its arguments, its resident memory. */
function memoryOf({ executable, commandLine, residentBytes }: FoundProcess): string[] {
  const words = commandLine.slice(1).map((part) => basename(part));
  return [basename(executable), words.join(" ").slice(0, 40), formatSize(residentBytes)];
}

const rows: string[][] = [];
try {
  const content: number[] = [];
  const spawned: number[] = [];
  const crashes: number[] = [];
  let memory: string[][] = [];
  for (let round = 0; round <= STARTS; round += 1) {
    const began = performance.now();
    start();
    await waitFor("content in the window", 60_000, () => coloursOf(display) > CONTENT_COLOURS);
    content.push(msSince(began));
    const served = await waitFor("its sidecar in the log", 10_000, () => servedBy(isOurs));
    spawned.push(served.afterMs);
    if (round === STARTS) {
      await new Promise((wait) => setTimeout(wait, 3000));
      memory = ours().map((found) => memoryOf(found));
    }
    crashes.push(await recovery("SIGKILL"));
    if (round < STARTS) await stop();
  }
  rows.push(row("file to window with content, first start", content.slice(0, 1)));
  rows.push(row("file to window with content, later starts", content.slice(1)));
  rows.push(row("sidecar spawned to handshake and first answer", spawned));
  rows.push(row("crash to serving", crashes));
  rows.push(row("hang to serving", [await recovery("SIGSTOP")]));
  process.stdout.write(
    `\n${renderTable(["measured", "min", "median", "max"], rows, ["left", "right", "right", "right"])}\n`,
  );
  process.stdout.write(renderTable(["process", "arguments", "resident"], memory, ["left", "left", "right"]));
} finally {
  await stop();
  display.stop();
  rmSync(folder, { recursive: true, force: true });
}
