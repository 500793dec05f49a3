/** The reference app as one Linux file, built once by the real command line with quick compression. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { hostTarget } from "../../../build/plan/target.ts";

const ROOT = join(import.meta.dirname, "../../..");

export const isLinux = process.platform === "linux";

export interface BuiltApp {
  /** The single file, absolute. */
  readonly path: string;
  readonly version: string;
  readonly folder: string;
}

/** Runs `erth` as a user would; throws with its output when it fails. */
export function erth(args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  return execFileSync(process.execPath, [join(ROOT, "build/cli/main.ts"), ...args], {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 1 << 26,
  });
}

interface ArtifactEvent {
  readonly type: "artifact";
  readonly path: string;
  readonly file: { readonly target: string };
}

/** Packages the reference app for this host into `out`; `more` may name a format. */
export function buildApp(
  out: string,
  config = "app/erth.config.ts",
  env: NodeJS.ProcessEnv = {},
  more: readonly string[] = [],
): BuiltApp {
  const target = hostTarget();
  if (target === undefined) throw new Error(`${process.platform}-${process.arch} is not a target`);
  const args = ["package", "--config", config, "--target", target, "--fast", "--json", "--out", out, ...more];
  const lines = erth(args, env).trim().split("\n");
  const events = lines.map((line) => JSON.parse(line) as { type: string });
  const made = events.find((event): event is ArtifactEvent => event.type === "artifact");
  if (made === undefined) throw new Error(`erth package made nothing:\n${lines.join("\n")}`);
  const folder = join(made.path, "..");
  return { path: made.path, version: folder.split("/").at(-1) ?? "", folder };
}
