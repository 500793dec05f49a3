/** A virtual screen of its own for a test: Xvfb on a free display, screenshots, keys, and reading text off the picture. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

export interface Display {
  /** Value for `DISPLAY`. */
  readonly name: string;
  /** Saves what the screen shows as a PNG. */
  screenshot(path: string): void;
  /** The text on the screen, as tesseract reads it; another reading of the same screen may find what this one did not. */
  readText(folder: string): string;
  /** Runs xdotool on this display. */
  xdotool(...args: readonly string[]): string;
  stop(): void;
}

/** Enlargement and page layout of successive readings: one block of text, then scattered words. */
const READINGS = [
  ["200%", "6"],
  ["300%", "6"],
  ["200%", "11"],
] as const;

const TOOLS = ["Xvfb", "xdotool", "import", "tesseract"] as const;

/** The tools that are missing here, for a test's name; empty when a window can be shown and looked at. */
export function missingTools(): readonly string[] {
  const folders = (process.env.PATH ?? "").split(":");
  return TOOLS.filter((tool) => !folders.some((folder) => existsSync(join(folder, tool))));
}

export async function startDisplay(width = 1280, height = 900): Promise<Display> {
  const { child, name } = await startXvfb(width, height);
  const env = { ...process.env, DISPLAY: name };
  let reads = 0;
  const run = (tool: string, args: readonly string[]): string =>
    execFileSync(tool, args, { env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  return {
    name,
    screenshot: (path) => void run("import", ["-window", "root", path]),
    readText(folder) {
      const path = join(folder, "screen.png");
      const [scale, layout] = READINGS[reads++ % READINGS.length] ?? READINGS[0];
      run("import", ["-window", "root", "-resize", scale, path]);
      return run("tesseract", [path, "-", "--psm", layout]);
    },
    xdotool: (...args) => run("xdotool", args),
    stop: () => void child.kill("SIGKILL"),
  };
}

/** Xvfb itself finds a free display and tells it on a pipe. */
async function startXvfb(width: number, height: number): Promise<{ child: ChildProcess; name: string }> {
  const child = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", `${width}x${height}x24`, "-nolisten", "tcp"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const number = await new Promise<string>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`Xvfb ended with ${code}`)));
    child.stdio[3]?.once("data", (data: Buffer) => resolve(data.toString().trim()));
  });
  return { child, name: `:${number}` };
}
