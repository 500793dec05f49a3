/**
 * The native addons of a sidecar, from bundle to target: `natives.json` in the
 * bundle folder says what there is, the vendor store or the bundle has the
 * files, and every file is checked against the target it is built for.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ErthError, messageOf, type Problem } from "../../runtime/base/errors.ts";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import { TARGETS, type Target } from "../plan/target.ts";
import type { Vendor } from "../vendor/vendor.ts";
import { targetsOfFile } from "./binary-target.ts";
import { bundleSidecar } from "./bundle.ts";
import type { NativeFamily } from "./native-family.ts";
import type { AddonFile } from "./native-plugin.ts";

/** `natives.json`. */
export interface NativesManifest {
  readonly families: readonly (NativeFamily & {
    /** Locked digest by target, so that a changed lock changes the bundle, and with it every stage after it. */
    readonly digests: Readonly<Partial<Record<Target, string>>>;
  })[];
  /** Addons imported by path: in the bundle folder at `natives/<name>.node`. */
  readonly files: readonly { readonly name: string }[];
}

/** An addon that goes into a target's sidecar. */
export interface TargetAddon {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
}

/** The native families that the app's sidecar loads: what `erth lock` locks as `native/<name>/<target>`. */
export async function findNatives(config: ResolvedConfig): Promise<readonly NativeFamily[]> {
  const { families } = await bundleSidecar({
    entry: config.sidecar.entry,
    root: config.root,
    identifier: config.app.identifier,
    database: { schemaVersion: 0, migrations: [] },
    bunOnly: config.sidecar.kind === "bun",
  });
  return families;
}

/** Name of a family's lock entry. */
function nativeEntry(family: string, target: Target): string {
  return `native/${family}/${target}`;
}

export function nativesManifest(
  families: readonly NativeFamily[],
  files: readonly AddonFile[],
  vendor: Vendor,
): NativesManifest {
  return {
    families: families.map((family) => ({
      ...family,
      // All targets, planned or not: the bundle must not depend on what is built today.
      digests: Object.fromEntries(
        TARGETS.flatMap((target) => {
          const digest = vendor.digest(nativeEntry(family.name, target));
          return digest === undefined ? [] : [[target, digest]];
        }),
      ),
    })),
    files: files.map(({ name }) => ({ name })),
  };
}

/** Reads `natives.json` from a bundle folder; this version of erth wrote it. */
async function readNativesManifest(bundleFolder: string): Promise<NativesManifest> {
  return JSON.parse(await readFile(join(bundleFolder, "natives.json"), "utf8")) as NativesManifest;
}

/** Every addon that has no build for one of these targets. */
export async function nativeProblems(
  families: readonly NativeFamily[],
  files: readonly AddonFile[],
  targets: readonly Target[],
): Promise<readonly Problem[]> {
  const missing = families.flatMap((family) =>
    targets.filter((target) => family.packages[target] === undefined).map((target) => unavailable(family, target)),
  );
  const wrong = await Promise.all(
    files.map(async ({ path }): Promise<readonly Problem[]> => {
      const fits: readonly string[] = await targetsOfFile(path);
      const unmet = targets.filter((target) => !fits.includes(target));
      return unmet.length === 0 ? [] : [wrongFile(path, fits, unmet)];
    }),
  );
  return [...missing, ...wrong.flat()];
}

function unavailable(family: NativeFamily, target: Target): Problem {
  const exist = family.available.join(", ");
  return {
    code: "NATIVE_UNAVAILABLE",
    message: `${family.name} has no native build for ${target}; there is ${exist}.`,
    remedy: `remove ${target} from targets, or choose a package that supports it`,
  };
}

function wrongFile(path: string, fits: readonly string[], unmet: readonly Target[]): Problem {
  const what = fits.length === 0 ? "is no addon that erth knows" : `is built for ${fits.join(" and ")}`;
  return {
    code: "NATIVE_WRONG_TARGET",
    message: `${path} ${what}, and cannot run on ${unmet.join(", ")}.`,
    remedy: "build those targets without it, or use a package with a prebuilt addon for each platform",
  };
}

/** The addons of one target, downloaded if need be, and really for that target. */
export async function targetAddons(
  bundleFolder: string,
  target: Target,
  vendor: Vendor,
): Promise<readonly TargetAddon[]> {
  const { families, files } = await readNativesManifest(bundleFolder);
  const fetched = await Promise.all(
    families.map(async (family) => {
      const { name } = family;
      const folder = await vendor.folder(nativeEntry(name, target));
      const path = join(folder, await addonOf(folder, family, target));
      const fits: readonly string[] = await targetsOfFile(path);
      if (!fits.includes(target)) {
        const problem = wrongFile(path, fits, [target]);
        throw new ErthError({
          ...problem,
          remedy: `erth lock, or mend vendor.folders["${nativeEntry(name, target)}"]`,
        });
      }
      return { name, path };
    }),
  );
  return [...fetched, ...files.map(({ name }) => ({ name, path: join(bundleFolder, "natives", `${name}.node`) }))];
}

/** The addon file in a prebuilt package: its main file. The package must be the one that the script was bundled for. */
async function addonOf(folder: string, family: NativeFamily, target: Target): Promise<string> {
  const entry = nativeEntry(family.name, target);
  const file = join(folder, "package.json");
  let manifest: { readonly main?: unknown; readonly name?: unknown; readonly version?: unknown };
  try {
    manifest = JSON.parse(await readFile(file, "utf8")) as typeof manifest;
  } catch (cause) {
    throw new ErthError({
      code: "NATIVE_NO_ADDON",
      message: `${file} of ${entry} cannot be read: ${messageOf(cause)}.`,
      remedy: "erth lock",
      cause,
    });
  }
  const wanted = family.packages[target];
  if (wanted && (manifest.name !== wanted.package || manifest.version !== wanted.version)) {
    throw new ErthError({
      code: "NATIVE_OUTDATED",
      message:
        `${family.name} was bundled for ${wanted.package} ${wanted.version}, ` +
        `but ${entry} is ${String(manifest.name)} ${String(manifest.version)}.`,
      remedy: "erth lock",
    });
  }
  if (typeof manifest.main === "string" && manifest.main.endsWith(".node")) return manifest.main;
  throw new ErthError({
    code: "NATIVE_NO_ADDON",
    message: `${file} of ${entry} has ${JSON.stringify(manifest.main)} as its main file, which is no .node addon.`,
    remedy: `use another version of ${family.name}, or another package`,
  });
}
