/**
 * Bundles an app's shell entry for one shell kind. Every file that Bun will
 * run starts with `// @bun`: without it Bun 1.3.13 transpiles the file again,
 * writes the values of `process.env.X` into it as constants and caches that on
 * disk, secrets included.
 */
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, formatMessages, type BuildFailure, type Message, type Plugin } from "esbuild";
import { ErthError } from "../../runtime/base/errors.ts";
import type { ShellKind } from "../config/resolved-config.ts";
import { electrobunPlugin } from "./electrobun-bundle.ts";

const RUNTIME_SHELL = fileURLToPath(new URL("../../runtime/shell/", import.meta.url));
/** The second line lets bundled CommonJS reach Node's built-ins. */
const BANNER = "// @bun\nvar require = import.meta.require;";

export interface BundleRequest {
  readonly kind: ShellKind;
  /** The app's shell entry, absolute. */
  readonly entry: string;
  /** Written to; created. */
  readonly outFolder: string;
  /** The unpacked `electrobun` package; needed for that kind only. */
  readonly sdkFolder: string | undefined;
}

/** Writes `main.js`, `window.js` and `window-worker.js`, or `index.js`. Throws `SHELL_BUNDLE`, `ELECTROBUN_SDK`. */
export async function bundleShell({ kind, entry, outFolder, sdkFolder }: BundleRequest): Promise<void> {
  await mkdir(outFolder, { recursive: true });
  if (kind === "electrobun") {
    if (sdkFolder === undefined) throw new Error("the electrobun shell is bundled from its SDK");
    const sdk = await electrobunPlugin(sdkFolder);
    await bundle({ index: entry }, outFolder, [shellModule(kind), sdk.plugin]);
    sdk.assertApplied();
    return;
  }
  await bundle(
    { main: entry, window: join(RUNTIME_SHELL, "window.ts"), "window-worker": join(RUNTIME_SHELL, "window-worker.ts") },
    outFolder,
    [shellModule(kind)],
  );
}

/** Maps `erth:shell` to the shell that the bundle is for. */
function shellModule(kind: ShellKind): Plugin {
  return {
    name: "erth-shell",
    setup(build) {
      build.onResolve({ filter: /^erth:shell$/ }, () => ({ path: join(RUNTIME_SHELL, `${kind}.ts`) }));
    },
  };
}

async function bundle(entryPoints: Record<string, string>, outdir: string, plugins: Plugin[]): Promise<void> {
  try {
    await build({
      entryPoints,
      outdir,
      plugins,
      bundle: true,
      platform: "node",
      format: "esm",
      // Bun 1.3 parses what esbuild calls `esnext`.
      target: "esnext",
      external: ["bun", "bun:*"],
      minify: true,
      charset: "utf8",
      legalComments: "none",
      banner: { js: BANNER },
      absWorkingDir: dirname(Object.values(entryPoints)[0] ?? outdir),
      logLevel: "silent",
    });
  } catch (thrown) {
    if (!isBuildFailure(thrown)) throw thrown;
    const own = thrown.errors.map((error): unknown => error.detail).find((detail) => detail instanceof ErthError);
    if (own !== undefined) throw own;
    throw new ErthError({
      code: "SHELL_BUNDLE",
      message: `the shell could not be bundled.\n${await inWords(thrown.errors)}`,
      remedy: "mend the source named above, then erth build",
      cause: thrown,
    });
  }
}

async function inWords(errors: readonly Message[]): Promise<string> {
  return (await formatMessages([...errors], { kind: "error", color: false })).join("").trimEnd();
}

function isBuildFailure(thrown: unknown): thrown is BuildFailure {
  return thrown instanceof Error && "errors" in thrown && Array.isArray(thrown.errors);
}
