/** The finished file, running on a virtual screen in a home of its own, with nothing of this machine in reach. */
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { killIfThere } from "../../support/kill.ts";
import type { Display } from "./display.ts";
import { processesWith, waitFor, type FoundProcess } from "./processes.ts";

export interface RunningApp {
  /** Starts the file; a second call starts it again beside the first. */
  start(args?: readonly string[]): ChildProcess;
  /** Every living process that any start of it left. */
  processes(): readonly FoundProcess[];
  sidecars(): readonly FoundProcess[];
  /** Waits until the screen shows this text. */
  seeText(text: RegExp, timeoutMs: number): Promise<string>;
  /** Titles of the todos in the user's database, as another program reads them. */
  titles(): readonly unknown[];
  /** What all starts printed. */
  output(): string;
  /** Kills every process, and waits until none is left. */
  killAll(): Promise<unknown>;
}

/** `home` is where its data will lie; `scratch` holds the pictures that are read. */
export function runningApp(options: { path: string; home: string; scratch: string; display: Display }): RunningApp {
  const { path, home, scratch, display } = options;
  const id = randomBytes(8).toString("hex");
  let output = "";
  const processes = (): readonly FoundProcess[] => processesWith(`ERTH_E2E=${id}`);
  const databaseFile = (): string | undefined => {
    const data = join(home, ".local/share/dev.erth.assistant");
    const name = existsSync(data) ? readdirSync(data).find((entry) => entry.endsWith(".db")) : undefined;
    return name && join(data, name);
  };
  return {
    start(args = []) {
      const child = spawn(path, args, {
        cwd: "/",
        // No folder on PATH and no variable of this machine: what the file needs, it carries.
        env: { HOME: home, DISPLAY: display.name, PATH: "/nowhere", LANG: "C.UTF-8", ERTH_E2E: id },
        stdio: ["ignore", "pipe", "pipe"],
      });
      child.stdout.on("data", (data: Buffer) => (output += data.toString()));
      child.stderr.on("data", (data: Buffer) => (output += data.toString()));
      return child;
    },
    processes,
    sidecars: () =>
      processes().filter(({ executable, commandLine }) =>
        [executable, ...commandLine].some((part) => part.endsWith("-sidecar") || part.endsWith("sidecar/main.js")),
      ),
    seeText(text, timeoutMs) {
      let seen = "";
      const what = (): string => `${String(text)} on the screen, which shows:\n${seen}\nthe app said:\n${output}`;
      return waitFor(what, timeoutMs, () => {
        seen = display.readText(scratch);
        return text.test(seen) ? seen : undefined;
      });
    },
    titles() {
      const file = databaseFile();
      if (file === undefined) return [];
      const database = new DatabaseSync(file, { readOnly: true });
      try {
        return database
          .prepare("SELECT title FROM todos WHERE is_deleted = 0")
          .all()
          .map((row) => row.title);
      } finally {
        database.close();
      }
    },
    output: () => output,
    killAll: () =>
      waitFor("no process left", 30_000, () => {
        const left = processes();
        for (const { pid } of left) killIfThere(pid);
        return left.length === 0;
      }),
  };
}
