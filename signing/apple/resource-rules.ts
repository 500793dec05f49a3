/**
 * Which files of a bundle are sealed, and how. These are the rules that
 * `codesign` gives every bundle with a `Resources` folder (`bundlediskrep.cpp`
 * of Apple's Security framework); since OS X 10.9.5 no others are allowed, so
 * none are read from a file.
 */
import type { CfPlist } from "./cf-plist.ts";

export interface ResourceRule {
  /** A POSIX extended regular expression over the path from the seal's root. */
  readonly pattern: string;
  readonly regExp: RegExp;
  readonly weight: number;
  readonly isNested: boolean;
  readonly isOmitted: boolean;
  readonly isOptional: boolean;
}

type Flags = { readonly weight?: number; readonly nested?: true; readonly omit?: true; readonly optional?: true };

function rule([pattern, flags]: readonly [string, Flags]): ResourceRule {
  return {
    pattern,
    // These patterns mean the same in both dialects; `$` must not match before a final line feed in either.
    regExp: new RegExp(pattern, "su"),
    weight: flags.weight ?? 1,
    isNested: flags.nested ?? false,
    isOmitted: flags.omit ?? false,
    isOptional: flags.optional ?? false,
  };
}

const LOCALIZATIONS: readonly (readonly [string, Flags])[] = [
  ["^Resources/.*\\.lproj/", { optional: true, weight: 1000 }],
  ["^Resources/.*\\.lproj/locversion.plist$", { omit: true, weight: 1100 }],
  ["^Resources/Base\\.lproj/", { weight: 1010 }],
];

/** Version 1: SHA-1 of the resources alone, for systems before 10.9. */
export const RULES_1: readonly ResourceRule[] = [
  ["^Resources/", {}] as const,
  ...LOCALIZATIONS,
  ["^version.plist$", {}] as const,
].map(rule);

/** Version 2: everything, with nested code by its own signature. */
export const RULES_2: readonly ResourceRule[] = [
  [".*\\.dSYM($|/)", { weight: 11 }] as const,
  ["^(.*/)?\\.DS_Store$", { omit: true, weight: 2000 }] as const,
  [
    "^(Frameworks|SharedFrameworks|PlugIns|Plug-ins|XPCServices|Helpers|MacOS|Library/(Automator|Spotlight|LoginItems))/",
    { nested: true, weight: 10 },
  ] as const,
  ["^.*", {}] as const,
  ["^Info\\.plist$", { omit: true, weight: 20 }] as const,
  ["^PkgInfo$", { omit: true, weight: 20 }] as const,
  ["^Resources/", { weight: 20 }] as const,
  ...LOCALIZATIONS,
  ["^[^/]+$", { nested: true, weight: 10 }] as const,
  ["^embedded\\.provisionprofile$", { weight: 20 }] as const,
  ["^version\\.plist$", { weight: 20 }] as const,
].map(rule);

/** What no seal holds, whatever the rules say: the signature itself, a stapled ticket, a store receipt. */
const EXCLUDED = /^(?:_CodeSignature|_MASReceipt)(?:\/|$)|^CodeResources$/;

/** Whether a path from the seal's root is outside every seal. */
export function isExcluded(path: string): boolean {
  return EXCLUDED.test(path);
}

/** The heaviest rule that matches a path from the seal's root; undefined: the path is not sealed. */
export function ruleOf(rules: readonly ResourceRule[], path: string): ResourceRule | undefined {
  let best: ResourceRule | undefined;
  for (const candidate of rules) {
    if (candidate.regExp.test(path) && (best === undefined || candidate.weight > best.weight)) best = candidate;
  }
  return best;
}

/** The rules as `CodeResources` repeats them. */
export function rulesPlist(rules: readonly ResourceRule[]): CfPlist {
  return new Map(
    rules.map(({ pattern, weight, isNested, isOmitted, isOptional }) => {
      const flags = new Map<string, CfPlist>();
      if (isNested) flags.set("nested", true);
      if (isOmitted) flags.set("omit", true);
      if (isOptional) flags.set("optional", true);
      if (weight !== 1) flags.set("weight", weight);
      return [pattern, flags.size === 0 ? true : flags];
    }),
  );
}
