/** Independent readers of Apple's formats: on PATH, or in the folder of tools that `.ci/run` fills. */
import { spawnSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** The path of a tool, or undefined: then the tests that need it are skipped by its name. */
export function findTool(name: string): string | undefined {
  const tools = process.env["ERTH_TOOLS"] ?? join(homedir(), ".cache", "erth-tools");
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...globSync(join(tools, "*", "bin"))];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

export interface ToolResult {
  readonly status: number | null;
  /** stdout and stderr. */
  readonly output: string;
}

export function runTool(path: string | undefined, args: readonly string[], cwd: string): ToolResult {
  if (path === undefined) throw new Error("the tool is not installed");
  const { status, stdout, stderr } = spawnSync(path, args, { cwd, encoding: "utf8" });
  return { status, output: stdout + stderr };
}
