/** `--format dmg,zip` or `all`: from what was typed to the formats of each system. */
import { ErthError, ProblemsError } from "../../runtime/base/errors.ts";
import { nearest } from "../config/nearest.ts";
import { FORMAT_IDS, formatsOf, isFormat, type FormatId } from "./package-format.ts";
import { osOf, type Target, type TargetOs } from "./target.ts";

export type FormatsByOs = Readonly<Record<TargetOs, readonly FormatId[]>>;

/**
 * The formats that `--format` names, for each system that can have them; without
 * it (undefined), the config's own. Throws `USAGE_FORMAT` for all unknown names
 * at once, and for a target that none of the named formats suits.
 */
export function selectFormats(
  option: string | undefined,
  configured: FormatsByOs,
  targets: readonly Target[],
): FormatsByOs {
  if (option === undefined) return configured;
  const names = [...new Set(option.split(",").map((word) => word.trim()))].filter((word) => word !== "");
  const unknown = names.filter((name) => name !== "all" && !isFormat(name));
  if (unknown.length > 0) {
    throw new ProblemsError(
      unknown.map((name) => ({
        code: "USAGE_FORMAT",
        message: `${JSON.stringify(name)} is no format; the formats are ${FORMAT_IDS.join(", ")} and all.`,
        remedy: `--format ${nearest(name, FORMAT_IDS) ?? FORMAT_IDS[0]}`,
      })),
    );
  }
  const chosen = (os: TargetOs): readonly FormatId[] =>
    formatsOf(os).filter((id) => names.includes("all") || names.includes(id));
  const formats = { darwin: chosen("darwin"), win32: chosen("win32"), linux: chosen("linux") };
  const left = targets.filter((target) => formats[osOf(target)].length === 0);
  if (left.length > 0) {
    const possible = [...new Set(left.flatMap((target) => formatsOf(osOf(target))))];
    throw new ErthError({
      code: "USAGE_FORMAT",
      message: `--format ${option} leaves nothing to make for ${left.join(", ")}.`,
      remedy: `add one of ${possible.join(", ")}, or name the other targets with --target`,
    });
  }
  return formats;
}
