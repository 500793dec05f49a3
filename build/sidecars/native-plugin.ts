/**
 * Teaches esbuild to bundle packages with native addons: whatever way a
 * package asks for its addon, it gets `runtime/sidecar-native/load-native.ts`.
 */
import { readFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, join } from "node:path";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { OnLoadResult, OnResolveArgs, OnResolveResult, Plugin } from "esbuild";
import type { NativeFamily } from "./native-family.ts";
import { rewriteComputedRequires } from "./native-family.ts";
import { ownerFinder } from "./package-owner.ts";

/** A `.node` file that the app or a package imports by path; it serves one platform. */
export interface AddonFile {
  /** Unique in the bundle: names the file in the sidecar. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
}

/** What the plugin met on its way. */
export interface NativesFound {
  /** Families whose own script is in the bundle, whether their addon was asked for in a known way or not. */
  readonly seen: Set<string>;
  readonly families: Map<string, NativeFamily>;
  readonly files: Map<string, AddonFile>;
}

const LOADER = fileURLToPath(new URL("../../runtime/sidecar-native/load-native.ts", import.meta.url));
const NAMESPACE = "erth-native";
const MANIFEST_NAMESPACE = "erth-native-manifest";
const PREFIX = "erth:native/";
/** They search the disk at run time, where a finished app has no package folder. */
const DISK_LOADERS =
  /^(?:bindings|node-gyp-build|node-gyp-build-optional-packages|@mapbox\/node-pre-gyp|node-pre-gyp|prebuild-install)$/;

/** `identifier` names the folder where an executable keeps its addons. */
export function nativePlugin(identifier: string, found: NativesFound): Plugin {
  const ownerOf = ownerFinder();
  const familyOf = (file: string): NativeFamily | undefined => (isAbsolute(file) ? ownerOf(file)?.family : undefined);
  const useFamily = (family: NativeFamily): OnResolveResult => {
    found.families.set(family.name, family);
    return { path: family.name, namespace: NAMESPACE };
  };

  const resolveFamily = (args: OnResolveArgs): OnResolveResult | undefined => {
    const family = familyOf(args.importer);
    if (family === undefined) return undefined;
    if (family.available.includes(args.path)) return useFamily(family);
    const manifest = /^(.+)\/package\.json$/.exec(args.path)?.[1];
    if (manifest === undefined || !family.available.includes(manifest)) return undefined;
    return { path: `${family.name}/package.json`, namespace: MANIFEST_NAMESPACE, pluginData: versionOf(family) };
  };

  const resolveNamed = async (
    args: OnResolveArgs,
    resolve: (path: string) => Promise<{ path: string; errors: readonly unknown[] }>,
  ): Promise<OnResolveResult> => {
    const name = args.path.slice(PREFIX.length);
    const own = familyOf(args.importer);
    if (own?.name === name) return useFamily(own);
    const entry = await resolve(name.replaceAll("+", "/"));
    const family = entry.errors.length === 0 ? familyOf(entry.path) : undefined;
    if (family) return useFamily(family);
    return { errors: [{ text: `${name} is no installed package with a prebuilt native addon` }] };
  };

  const resolveFile = (args: OnResolveArgs): OnResolveResult | undefined => {
    const path = isAbsolute(args.path) ? args.path : join(args.resolveDir, args.path);
    // A missing file is esbuild's to report; inside `try` it is a local build that nobody made.
    if (!existsSync(path)) return undefined;
    const family = familyOf(args.importer);
    if (family) return useFamily(family);
    const stem = basename(path, ".node").replaceAll(/[^\w.-]/g, "_");
    const taken = [...found.files.values()].filter((file) => file.name.startsWith(`file-${stem}`)).length;
    const file = found.files.get(path) ?? { name: `file-${stem}${taken === 0 ? "" : `-${taken + 1}`}`, path };
    found.files.set(path, file);
    return { path: file.name, namespace: NAMESPACE };
  };

  return {
    name: "erth-native",
    setup(build) {
      build.onResolve({ filter: /^erth:native\// }, (args) =>
        resolveNamed(args, (path) => build.resolve(path, { kind: "require-call", resolveDir: args.resolveDir })),
      );
      build.onResolve({ filter: /\.node$/ }, resolveFile);
      build.onResolve({ filter: DISK_LOADERS }, (args) => ({
        path: `${ownerOf(args.importer)?.manifest.name ?? args.importer} ${args.path}`,
        namespace: "erth-disk-loader",
        warnings: [
          {
            text:
              `${ownerOf(args.importer)?.manifest.name ?? args.importer} looks for its native addon on disk through ` +
              `${args.path}; a finished app has none there, so loading it will fail`,
          },
        ],
      }));
      build.onResolve({ filter: /^(?:@[^/]+\/)?[^./@][^:]*$/ }, resolveFamily);
      build.onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => ({
        contents:
          `module.exports = require(${JSON.stringify(LOADER)})` +
          `.loadNative(${JSON.stringify(path)}, ${JSON.stringify(identifier)});`,
        loader: "js",
        resolveDir: dirname(LOADER),
      }));
      build.onLoad({ filter: /.*/, namespace: MANIFEST_NAMESPACE }, ({ pluginData }) => ({
        contents: JSON.stringify({ version: pluginData }),
        loader: "json",
      }));
      build.onLoad({ filter: /.*/, namespace: "erth-disk-loader" }, ({ path }) => ({
        contents: `throw new Error(${JSON.stringify(`native addon not bundled: ${path}`)});`,
        loader: "js",
      }));
      build.onLoad(
        { filter: /node_modules.*\.[cm]?js$/, namespace: "file" },
        async ({ path }): Promise<OnLoadResult | undefined> => {
          const family = familyOf(path);
          if (family === undefined) return undefined;
          found.seen.add(family.name);
          const source = await readFile(path, "utf8");
          return { contents: rewriteComputedRequires(source, family, PREFIX + family.name), loader: "js" };
        },
      );
    },
  };
}

/** Generated loaders compare the addon's version with their own; all builds of a family have one. */
function versionOf(family: NativeFamily): string | undefined {
  return Object.values(family.packages).find((one) => one !== undefined)?.version;
}
