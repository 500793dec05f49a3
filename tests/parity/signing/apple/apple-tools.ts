/** Independent readers of Apple's formats: on PATH, or in the folder of tools that `.ci/run` fills. */
import { spawnSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** The path of a tool, or undefined: then the tests that need it are skipped by its name. */
export function findTool(name: string): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, name));
  return folders.find((path) => existsSync(path)) ?? findCiTool(`*/bin/${name}`);
}

/** A file among the tools that `.ci/tools` keeps, by its path there. */
export function findCiTool(pattern: string): string | undefined {
  const tools = process.env["ERTH_TOOLS"] ?? join(homedir(), ".cache", "erth-tools");
  return globSync(join(tools, pattern))[0];
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
