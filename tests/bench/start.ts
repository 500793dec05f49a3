/**
 * What a user waits for, on the finished Linux file under Xvfb: file to window
 * with content (first and later starts), a crashed and a hung sidecar until it
 * serves again, and the resident memory of every process.
 * Usage: node tests/bench/start.ts FILE
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { renderTable } from "../../build/cli/report/table.ts";
import { formatSize } from "../../build/config/size.ts";
import { startDisplay, type Display } from "../e2e/support/display.ts";
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
  for (const { pid } of ours()) process.kill(pid, "SIGKILL");
  await waitFor("the app to be gone", 10_000, () => ours().length === 0);
};
/** A port that listens in the sidecar: it has bound and is about to say so. */
const isListening = (pid: number): boolean =>
  execFileSync("ss", ["-ltnp"], { encoding: "utf8" }).includes(`pid=${pid},`);
const msSince = (started: number): number => Math.round(performance.now() - started);
const row = (what: string, values: readonly number[]): string[] => {
  const sorted = values.toSorted((a, b) => a - b);
  return [what, ...[sorted[0], sorted[Math.floor(sorted.length / 2)], sorted.at(-1)].map((ms) => `${ms} ms`)];
};

const rows: string[][] = [];
try {
  const content: number[] = [];
  const spawned: number[] = [];
  for (let round = 0; round <= STARTS; round += 1) {
    const began = performance.now();
    start();
    const child = await waitFor("a sidecar", 60_000, sidecar);
    const sidecarBegan = performance.now();
    await waitFor("a listening sidecar", 60_000, () => isListening(child.pid));
    spawned.push(msSince(sidecarBegan));
    await waitFor("content in the window", 60_000, () => coloursOf(display) > CONTENT_COLOURS);
    content.push(msSince(began));
    if (round < STARTS) await stop();
  }
  rows.push(row("file to window with content, first start", content.slice(0, 1)));
  rows.push(row("file to window with content, later starts", content.slice(1)));
  rows.push(row("sidecar seen to listening", spawned));
  await new Promise((wait) => setTimeout(wait, 3000));
  const memory = ours().map((found) => [
    basename(found.executable),
    found.commandLine
      .slice(1)
      .map((part) => basename(part))
      .join(" ")
      .slice(0, 40),
    formatSize(found.residentBytes),
  ]);

  for (const [what, signal] of [
    ["crash to serving", "SIGKILL"],
    ["hang to serving", "SIGSTOP"],
  ] as const) {
    const before = await waitFor("a sidecar", 60_000, sidecar);
    await waitFor("a listening sidecar", 10_000, () => isListening(before.pid));
    await new Promise((wait) => setTimeout(wait, 4000));
    const began = performance.now();
    process.kill(before.pid, signal);
    await waitFor(what, 60_000, () => {
      const now = sidecar();
      return now !== undefined && now.pid !== before.pid && isListening(now.pid);
    });
    rows.push(row(what, [msSince(began)]));
  }
  process.stdout.write(
    `\n${renderTable(["measured", "min", "median", "max"], rows, ["left", "right", "right", "right"])}\n`,
  );
  process.stdout.write(renderTable(["process", "arguments", "resident"], memory, ["left", "left", "right"]));
} finally {
  await stop();
  display.stop();
  rmSync(folder, { recursive: true, force: true });
}
