/**
 * Makes the SDK of ElectroBun 1.18.1 (`electrobun/bun`, TypeScript from npm)
 * digestible for esbuild, as an esbuild plugin.
 *
 * - Three `require("../core/Utils")` meet three top-level awaits, which esbuild
 *   refuses; the awaits become synchronous reads of the same files.
 * - `three` and `@babylonjs/core` are re-exported by the index and weigh 8 MB;
 *   they become empty modules.
 * - The RPC server listens on every interface, which opens a port to the
 *   network and asks Windows' firewall; it is bound to 127.0.0.1.
 *
 * Where the text is not the one that this expects, the build stops.
 */
import { readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import type { Plugin } from "esbuild";
import { ErthError, messageOf } from "../../runtime/base/errors.ts";
import { ELECTROBUN_VERSION } from "./electrobun-version.ts";

interface Edit {
  readonly from: string;
  readonly to: string;
}

const READER = `import { readFileSync as erthReadFile } from "node:fs";
function erthResource(name, fallback) {
  try { return JSON.parse(erthReadFile("../Resources/" + name, "utf8")); } catch { return fallback; }
}
`;
const BUILD_CONFIG: Edit = {
  from: "const buildConfig = await BuildConfig.get();",
  to: 'const buildConfig = erthResource("build.json", { defaultRenderer: "native", availableRenderers: ["native"] });',
};

/** File of the SDK → what changes in it. Every `from` occurs exactly once. */
const EDITS: Readonly<Record<string, { readonly prefix: string; readonly edits: readonly Edit[] }>> = {
  "core/BrowserView.ts": {
    prefix: READER,
    edits: [
      {
        from: "const hash = await Updater.localInfo.hash();",
        to: 'const hash = erthResource("version.json", { hash: "" }).hash;',
      },
      BUILD_CONFIG,
    ],
  },
  "core/BrowserWindow.ts": { prefix: READER, edits: [BUILD_CONFIG] },
  "core/Socket.ts": {
    prefix: "",
    edits: [
      {
        from: "server = Bun.serve<{ webviewId: number }>({",
        to: 'server = Bun.serve<{ webviewId: number }>({ hostname: "127.0.0.1",',
      },
    ],
  },
};

const TOP_LEVEL_AWAIT = /^(?:export\s+)?(?:(?:const|let|var)\s+[^=\n]*=\s*)?await\s/m;

/** The plugin, and a check to run after the build that every edit was made. */
export interface ElectrobunPlugin {
  readonly plugin: Plugin;
  /** Throws `ELECTROBUN_SDK` if a file that has to change was never loaded. */
  assertApplied(): void;
}

/** `sdkFolder` is the unpacked npm package. Throws `ELECTROBUN_SDK` if it is another version. */
export async function electrobunPlugin(sdkFolder: string): Promise<ElectrobunPlugin> {
  await assertVersion(sdkFolder);
  const api = join(sdkFolder, "dist", "api", "bun");
  const applied = new Set<string>();
  return {
    plugin: {
      name: "electrobun-sdk",
      setup(build) {
        build.onResolve({ filter: /^erth:electrobun$/ }, () => ({ path: join(api, "index.ts") }));
        build.onResolve({ filter: /^(three|@babylonjs\/core)$/ }, ({ path }) => ({
          path,
          namespace: "electrobun-stub",
        }));
        build.onLoad({ filter: /.*/, namespace: "electrobun-stub" }, () => ({ contents: "export {};", loader: "js" }));
        build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
          const name = relative(api, path).split(sep).join("/");
          if (name.startsWith("..")) return undefined;
          const contents = editSdkFile(name, await readFile(path, "utf8"));
          applied.add(name);
          return { contents, loader: "ts" };
        });
      },
    },
    assertApplied() {
      const unused = Object.keys(EDITS).filter((name) => !applied.has(name));
      if (unused.length > 0) throw unexpected(`${unused.join(", ")} is no part of the bundle`);
    },
  };
}

/** The text of an SDK file with its edits made; `name` is relative to `dist/api/bun`. Throws `ELECTROBUN_SDK`. */
export function editSdkFile(name: string, text: string): string {
  const change = EDITS[name];
  let edited = text;
  for (const { from, to } of change?.edits ?? []) {
    const count = edited.split(from).length - 1;
    if (count !== 1) throw unexpected(`${name} holds \`${from}\` ${count} times, expected once`);
    edited = edited.replace(from, () => to);
  }
  const rest = TOP_LEVEL_AWAIT.exec(edited);
  if (rest !== null) throw unexpected(`${name} has a top-level await that is not known: \`${rest[0].trim()}\``);
  return (change?.prefix ?? "") + edited;
}

async function assertVersion(sdkFolder: string): Promise<void> {
  const file = join(sdkFolder, "package.json");
  let version: unknown;
  try {
    const manifest: unknown = JSON.parse(await readFile(file, "utf8"));
    if (typeof manifest === "object" && manifest !== null && "version" in manifest) version = manifest.version;
  } catch (cause) {
    throw unexpected(`${file} cannot be read: ${messageOf(cause)}`, cause);
  }
  if (version !== ELECTROBUN_VERSION) throw unexpected(`${file} says version ${String(version)}`);
}

function unexpected(reason: string, cause?: unknown): ErthError {
  return new ErthError({
    code: "ELECTROBUN_SDK",
    message: `this is not the SDK of ElectroBun ${ELECTROBUN_VERSION} as published: ${reason}.`,
    remedy: `lock electrobun to ${ELECTROBUN_VERSION}: erth lock`,
    cause,
  });
}
