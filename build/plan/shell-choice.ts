/** Which shell each target gets: the configured one, or the fallback where ElectroBun's core cannot be had. */
import { ErthError } from "../../runtime/base/errors.ts";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import type { Vendor } from "../vendor/vendor.ts";
import type { ShellChoice } from "./plan.ts";
import type { Target } from "./target.ts";

export interface ShellChoiceRequest {
  readonly config: ResolvedConfig;
  readonly targets: readonly Target[];
  readonly vendor: Pick<Vendor, "folder">;
  /** `--no-fallback`: the configured shell or none. */
  readonly noFallback: boolean;
  warn(text: string): void;
}

/** A core that is not locked or not reachable. A wrong digest, a bad archive or a full disk is never a reason to fall back. */
const UNAVAILABLE: readonly string[] = ["VENDOR_UNLOCKED", "VENDOR_UNREACHABLE"];

interface Refused {
  readonly target: Target;
  readonly error: ErthError;
}

/**
 * A shell for every target. Fetches ElectroBun's core of each to find out;
 * warns once for each reason to fall back. Throws `SHELL_UNAVAILABLE`, naming
 * all targets at once, where falling back is not allowed.
 */
export async function chooseShells(request: ShellChoiceRequest): Promise<Partial<Record<Target, ShellChoice>>> {
  const { config, targets, vendor } = request;
  const { kind, fallback } = config.shell;
  if (kind !== "electrobun") return Object.fromEntries(targets.map((target) => [target, { kind }]));
  const answers = await Promise.all(targets.map((target) => refusalOf(target, vendor)));
  const refused = answers.filter((answer) => answer !== undefined);
  if (refused.length > 0 && (request.noFallback || fallback === undefined)) {
    throw shellUnavailable(refused, request.noFallback);
  }
  for (const group of byReason(refused).values()) {
    const [{ error }] = group;
    request.warn(
      `ElectroBun's core cannot be had for ${names(group)}: ${error.message} ` +
        `Falling back to ${fallback}; to get the core: ${error.remedy}.`,
    );
  }
  const reasons = new Map(refused.map(({ target, error }) => [target, error.message]));
  return Object.fromEntries(
    targets.map((target): [Target, ShellChoice] => {
      const fallbackReason = reasons.get(target);
      if (fallbackReason === undefined || fallback === undefined) return [target, { kind }];
      return [target, { kind: fallback, fallbackReason }];
    }),
  );
}

async function refusalOf(target: Target, vendor: Pick<Vendor, "folder">): Promise<Refused | undefined> {
  try {
    await vendor.folder(`electrobun-core/${target}`);
    return undefined;
  } catch (error) {
    if (error instanceof ErthError && UNAVAILABLE.includes(error.code)) return { target, error };
    throw error;
  }
}

function byReason(refused: readonly Refused[]): Map<string, [Refused, ...Refused[]]> {
  const groups = new Map<string, [Refused, ...Refused[]]>();
  for (const one of refused) {
    // Messages differ in the target's own name; the reason behind them does not.
    const reason = `${one.error.code} ${one.error.message.replaceAll(one.target, "")}`;
    const group = groups.get(reason);
    if (group) group.push(one);
    else groups.set(reason, [one]);
  }
  return groups;
}

function names(refused: readonly Refused[]): string {
  return refused.map(({ target }) => target).join(", ");
}

function shellUnavailable(refused: readonly Refused[], noFallback: boolean): ErthError {
  const reasons = refused.map(({ target, error }) => `\n      ${target}: ${error.message}`).join("");
  const allow = noFallback ? "leave out --no-fallback" : 'set shell.fallback: "webview"';
  return new ErthError({
    code: "SHELL_UNAVAILABLE",
    message: `ElectroBun's core cannot be had for ${names(refused)}.${reasons}`,
    remedy:
      "erth lock where its release page can be reached, or set ERTH_MIRROR to a mirror of it, " +
      'vendor.folders["electrobun-core/<target>"] or ERTH_ELECTROBUN_CORE_DIR to an unpacked core; ' +
      `to build with the system webview alone, ${allow}`,
    facts: { targets: refused.map(({ target }) => target) },
  });
}
