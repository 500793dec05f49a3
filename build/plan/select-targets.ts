/** `--target linux-x64,darwin-arm64`, `host` or `all`: from what was typed to targets. */
import { ErthError, ProblemsError, type Problem } from "../../runtime/base/errors.ts";
import { nearest } from "../config/nearest.ts";
import { hostTarget, TARGETS, type Target } from "./target.ts";

/** What other tools call our systems and processors. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  macos: "darwin",
  mac: "darwin",
  osx: "darwin",
  windows: "win32",
  win: "win32",
  win64: "win32",
  amd64: "x64",
  x86_64: "x64",
  "x86-64": "x64",
  aarch64: "arm64",
};

/** The word, if it is another tool's name for one of the known targets, or a slip for one; otherwise undefined. */
export function nearestTarget(typed: string, known: readonly string[] = TARGETS): string | undefined {
  const [, system = "", arch = ""] = /^([a-z0-9]+)[-_/]([a-z0-9_-]+)$/.exec(typed.toLowerCase()) ?? [];
  const translated = `${OTHER_NAMES[system] ?? system}-${OTHER_NAMES[arch] ?? arch}`;
  return known.find((name) => name === translated) ?? nearest(typed, known);
}

/**
 * The targets that `--target` names, each once, in the order of `TARGETS`;
 * without it (undefined), the config's own. `all` is every target there is;
 * `host` is undefined on a machine that is no target. Throws
 * `USAGE_TARGET` for all unknown names at once, `USAGE_HOST` where
 * "host" is asked for on another machine, `USAGE_NO_TARGET` for an empty selection.
 */
export function selectTargets(
  option: string | undefined,
  configured: readonly Target[],
  host: Target | undefined = hostTarget(),
): readonly Target[] {
  if (option === undefined) return configured;
  const words = option.split(",").map((word) => word.trim());
  const names = words.filter((word) => word !== "");
  if (names.length === 0) {
    throw new ErthError({
      code: "USAGE_NO_TARGET",
      message: "--target names no target.",
      remedy: `--target ${TARGETS[0]}`,
    });
  }
  const known: readonly string[] = [...TARGETS, "host", "all"];
  const unknown = [...new Set(names)].filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new ProblemsError(unknown.map((name) => unknownTarget(name, known)));
  if (names.includes("all")) return TARGETS;
  if (names.includes("host") && host === undefined) {
    throw new ErthError({
      code: "USAGE_HOST",
      message: `This machine is ${process.platform}-${process.arch}, which is no target.`,
      remedy: `name a target: --target ${TARGETS.join(",")}`,
    });
  }
  return TARGETS.filter((target) => names.includes(target) || (target === host && names.includes("host")));
}

function unknownTarget(name: string, known: readonly string[]): Problem {
  const close = nearestTarget(name, known);
  return {
    code: "USAGE_TARGET",
    message: `${JSON.stringify(name)} is no target; the targets are ${TARGETS.join(", ")}, host and all.`,
    remedy: `--target ${close ?? TARGETS[0]}`,
  };
}
