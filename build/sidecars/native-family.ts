/**
 * Native families: a package whose addon comes from one prebuilt package per
 * platform, listed in its `optionalDependencies`, as napi-rs and Neon lay them
 * out (`libsql` → `@libsql/linux-x64-gnu`, …). Pure: manifests in, families out.
 */
import { TARGETS, archOf, osOf, type Target, type TargetArch, type TargetOs } from "../plan/target.ts";

export interface PlatformPackage {
  readonly package: string;
  readonly version: string;
}

export interface NativeFamily {
  /** The package that loads the addon, `/` written as `+`: names files and lock entries. */
  readonly name: string;
  /** Where each target's addon comes from; undefined where the family has no build for it. */
  readonly packages: Readonly<Record<Target, PlatformPackage | undefined>>;
  /** Names of all prebuilt packages, those for other platforms too. */
  readonly available: readonly string[];
}

/** The parts of a `package.json` that matter here. */
export interface PackageManifest {
  readonly name: string;
  readonly version: string;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

const OS_WORDS: Readonly<Record<string, TargetOs>> = {
  darwin: "darwin",
  macos: "darwin",
  osx: "darwin",
  linux: "linux",
  win32: "win32",
  windows: "win32",
};
const ARCH_WORDS: Readonly<Record<string, TargetArch>> = {
  x64: "x64",
  amd64: "x64",
  x86_64: "x64",
  arm64: "arm64",
  aarch64: "arm64",
};
/** Words that mean another platform, although OS and architecture would match ours. */
const FOREIGN_WORDS = new Set(["musl", "musleabihf", "gnueabihf", "android", "gnullvm"]);
const UNIVERSAL = "universal";
const EXACT_VERSION = /^\d+\.\d+\.\d+(?:[-+].*)?$/;

/** What a platform package's name says that it is for; undefined for any other package. */
export function platformOf(packageName: string): { os: TargetOs; arch: TargetArch | "universal" } | undefined {
  const words = packageName.slice(packageName.lastIndexOf("/") + 1).split(/[-.]/);
  if (words.some((word) => FOREIGN_WORDS.has(word))) return undefined;
  const os = words.map((word) => OS_WORDS[word]).find((found) => found !== undefined);
  const arch = words
    .map((word) => (word === UNIVERSAL ? UNIVERSAL : ARCH_WORDS[word]))
    .find((found) => found !== undefined);
  return os && arch ? { os, arch } : undefined;
}

/**
 * The family of a package, or undefined if none of its optional dependencies is
 * a platform's. `installedVersion` answers for ranges: prebuilt packages are
 * locked by exact version.
 */
export function nativeFamily(
  manifest: PackageManifest,
  installedVersion: (packageName: string) => string | undefined = () => undefined,
): NativeFamily | undefined {
  const names = Object.keys(manifest.optionalDependencies).sort();
  const platforms = names.flatMap((name) => {
    const platform = platformOf(name);
    return platform ? [{ name, ...platform }] : [];
  });
  if (platforms.length === 0) return undefined;
  // Prebuilt packages are released together, with the package that loads them.
  const fallback = names.map(installedVersion).find((version) => version !== undefined) ?? manifest.version;
  const pick = (target: Target): PlatformPackage | undefined => {
    const fits = platforms.filter(({ os }) => os === osOf(target));
    const found = fits.find(({ arch }) => arch === archOf(target)) ?? fits.find(({ arch }) => arch === UNIVERSAL);
    if (found === undefined) return undefined;
    const wanted = manifest.optionalDependencies[found.name] ?? "";
    return { package: found.name, version: EXACT_VERSION.test(wanted) ? wanted : fallback };
  };
  const packages = Object.fromEntries(TARGETS.map((target) => [target, pick(target)]));
  return {
    name: manifest.name.replaceAll("/", "+"),
    packages: packages as NativeFamily["packages"],
    available: names.filter((name) =>
      /(?:^|[-.])(?:darwin|macos|osx|linux|win32|windows|android|freebsd)(?:[-.]|$)/.test(
        name.slice(name.lastIndexOf("/") + 1),
      ),
    ),
  };
}

/**
 * Replaces `require(\`@scope/${target}\`)` and `require("@scope/" + target)`,
 * which no bundler can follow, where the fixed part begins the name of a
 * prebuilt package. Returns the text unchanged if there is none.
 */
export function rewriteComputedRequires(source: string, family: NativeFamily, replacement: string): string {
  const isFamily = (prefix: string): boolean =>
    prefix !== "" && family.available.some((name) => name.startsWith(prefix));
  return source.replace(
    /\brequire\(\s*(?:`([^`$]*)\$\{[^`]*`|(["'])([^"']*)\2\s*\+[^()]*)\s*\)/g,
    (whole: string, template: string | undefined, _quote: string | undefined, literal: string | undefined) =>
      isFamily(template ?? literal ?? "") ? `require(${JSON.stringify(replacement)})` : whole,
  );
}
