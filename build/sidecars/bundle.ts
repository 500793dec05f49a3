/**
 * Sidecar entry → one CommonJS script that runs on Node 26 (as the main of a
 * single executable, where `require` finds built-ins only) and on Bun 1.3.13.
 * The same bytes for every target and on every machine: no absolute paths, no
 * times. What a target adds (addons, seed) is read through
 * `runtime/sidecar-native/embedded.ts`.
 */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type BuildFailure, type Message, type Metafile, type Plugin } from "esbuild";
import { ProblemsError, type Problem } from "../../runtime/base/errors.ts";
import { databasePlugin, type DatabaseManifest } from "./database-plugin.ts";
import type { NativeFamily } from "./native-family.ts";
import { nativePlugin, type AddonFile, type NativesFound } from "./native-plugin.ts";

export interface SidecarBundleRequest {
  /** Absolute. */
  readonly entry: string;
  /** Folder that file names in messages and in the metafile are relative to, absolute. */
  readonly root: string;
  /** Reverse-DNS name of the app. */
  readonly identifier: string;
  readonly database: DatabaseManifest;
  /** Whether the script will only ever run on Bun, so that `bun:` modules are there. */
  readonly bunOnly: boolean;
}

export interface SidecarBundle {
  readonly code: Uint8Array;
  readonly metafile: Metafile;
  readonly families: readonly NativeFamily[];
  readonly files: readonly AddonFile[];
  readonly warnings: readonly string[];
}

const IMPORT_META_URL = fileURLToPath(new URL("../../runtime/sidecar-native/import-meta-url.ts", import.meta.url));

/** Bundles. Throws `ProblemsError` with every fault that esbuild found: `BUNDLE_TOP_LEVEL_AWAIT`, `BUNDLE_FAILED`. */
export async function bundleSidecar(request: SidecarBundleRequest): Promise<SidecarBundle> {
  const found: NativesFound = { seen: new Set(), families: new Map(), files: new Map() };
  const result = await build({
    entryPoints: [request.entry],
    absWorkingDir: request.root,
    bundle: true,
    write: false,
    outfile: "main.js",
    metafile: true,
    logLevel: "silent",
    platform: "node",
    format: "cjs",
    // Bun runs a finished script untranslated, so what JavaScriptCore lacks (`using`) is lowered too.
    target: ["node26", "safari18"],
    minify: true,
    // Bun reads a script marked `// @bun` byte by byte, so anything beyond ASCII must be escaped.
    charset: "ascii",
    legalComments: "none",
    jsx: "automatic",
    jsxImportSource: "hono/jsx",
    loader: { ".css": "text", ".svg": "text", ".sql": "text", ".txt": "text" },
    define: {
      "import.meta.dirname": "__dirname",
      "import.meta.filename": "__filename",
      "import.meta.url": "erthImportMetaUrl",
    },
    inject: [IMPORT_META_URL],
    external: request.bunOnly ? ["bun", "bun:*"] : [],
    plugins: [minifiedTextPlugin, databasePlugin(request.database), nativePlugin(request.identifier, found)],
  }).catch((error: unknown) => {
    if (isBuildFailure(error)) throw new ProblemsError(error.errors.map(problemOf));
    throw error;
  });
  const [output] = result.outputFiles;
  if (output === undefined) throw new Error("esbuild gave no output");
  const byName = (a: { readonly name: string }, b: { readonly name: string }): number => (a.name < b.name ? -1 : 1);
  return {
    code: output.contents,
    metafile: result.metafile,
    families: [...found.families.values()].sort(byName),
    files: [...found.files.values()].sort(byName),
    warnings: [
      ...result.warnings.map((warning) => `${placeOf(warning)}${warning.text}`),
      ...[...found.seen]
        .filter((name) => !found.families.has(name))
        .map((name) => `${name} has prebuilt addons, but does not load them in a way that can be bundled`),
    ],
  };
}

/** `*.min.js` that the app itself imports is a file to serve, so text; between packages it is code. */
const minifiedTextPlugin: Plugin = {
  name: "erth-minified-text",
  setup(build) {
    build.onResolve({ filter: /\.min\.js$/ }, async (args) => {
      if (args.pluginData === "erth-minified-text" || /[\\/]node_modules[\\/]/.test(args.importer)) return undefined;
      const { path, errors } = await build.resolve(args.path, {
        kind: args.kind,
        importer: args.importer,
        resolveDir: args.resolveDir,
        pluginData: "erth-minified-text",
      });
      return errors.length > 0 ? { errors } : { path, suffix: "?text" };
    });
    build.onLoad({ filter: /\.min\.js$/ }, async ({ path, suffix }) =>
      suffix === "?text" ? { contents: await readFile(path, "utf8"), loader: "text" } : undefined,
    );
  },
};

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && "errors" in error && Array.isArray(error.errors);
}

function problemOf(message: Message): Problem {
  if (message.text.startsWith("Top-level await")) {
    return {
      code: "BUNDLE_TOP_LEVEL_AWAIT",
      message: `${placeOf(message)}a sidecar is one CommonJS script, which cannot await at the top level.`,
      remedy: `move the await into a function; an entry ends with serveSidecar(…), not awaited`,
    };
  }
  const missing = /^Could not resolve "([^"]+)"/.exec(message.text)?.[1];
  return {
    code: "BUNDLE_FAILED",
    message: `${placeOf(message)}${message.text}`,
    remedy:
      missing && !/^[./]/.test(missing) && !missing.includes(":")
        ? `npm install ${packageOf(missing)}`
        : "mend that line and run the command again",
  };
}

function placeOf({ location }: Message): string {
  return location ? `${location.file}:${location.line}:${location.column + 1}: ` : "";
}

function packageOf(specifier: string): string {
  return (
    specifier
      .split("/")
      .slice(0, specifier.startsWith("@") ? 2 : 1)
      .join("/") || basename(specifier)
  );
}
