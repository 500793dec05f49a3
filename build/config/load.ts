/** Finds `erth.config.ts` and imports it. Node runs TypeScript as it is, so a config is a module like any other. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ErthError, messageOf } from "../../runtime/base/errors.ts";
import { displayPath } from "./config-problem.ts";
import { placeOf } from "./load-place.ts";
import { nearest } from "./nearest.ts";

export const CONFIG_NAMES = [
  "erth.config.ts",
  "erth.config.mts",
  "erth.config.js",
  "erth.config.mjs",
  "erth.config.json",
] as const;

const EXTENSIONS: readonly string[] = CONFIG_NAMES.map((name) => extname(name));

/** A config that waits for the network or for itself would hang every command. */
const LOAD_TIMEOUT_MS = 10_000;

export interface LoadedConfig {
  /** Absolute. */
  readonly file: string;
  /** What the file exports; not validated. */
  readonly user: unknown;
}

export interface LoadOptions {
  /** `--config`: a file, or a folder that holds one; relative to `cwd`. */
  readonly path?: string | undefined;
  readonly cwd?: string;
  readonly timeoutMs?: number;
}

/** Finds and imports the config. Throws `CONFIG_NOT_FOUND`, `CONFIG_AMBIGUOUS` or `CONFIG_LOAD`. */
export async function loadConfig(options: LoadOptions = {}): Promise<LoadedConfig> {
  const file = findConfig(options);
  return { file, user: await importConfig(file, options.timeoutMs ?? LOAD_TIMEOUT_MS) };
}

/**
 * The config file, absolute. Without a path: the working folder, then its
 * parents up to the first that holds a repository (`.git`), so that commands
 * work anywhere inside an app. Throws `CONFIG_NOT_FOUND`, `CONFIG_AMBIGUOUS`.
 */
export function findConfig(options: LoadOptions = {}): string {
  const cwd = resolve(options.cwd ?? process.cwd());
  if (options.path !== undefined) return findGiven(options.path, cwd);
  const tried: string[] = [];
  for (let folder = cwd; ; folder = dirname(folder)) {
    tried.push(folder);
    const found = configIn(folder);
    if (found !== undefined) return found;
    if (existsSync(join(folder, ".git")) || dirname(folder) === folder) break;
  }
  const below = readdirSync(cwd, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith(".") && entry.name !== "node_modules")
    .map((entry) => entry.name)
    .sort()
    .find((name) => configIn(join(cwd, name)) !== undefined);
  throw new ErthError({
    code: "CONFIG_NOT_FOUND",
    message: `There is no erth.config.ts (nor .mts, .js, .mjs, .json). Tried ${tried.join(", ")}.`,
    remedy: below === undefined ? "erth init, or name the file: --config <file>" : `add --config ${below}`,
    facts: { tried },
  });
}

function findGiven(path: string, cwd: string): string {
  const file = resolve(cwd, path);
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats?.isDirectory()) {
    const found = configIn(file);
    if (found !== undefined) return found;
    throw new ErthError({
      code: "CONFIG_NOT_FOUND",
      message: `${file} holds no config. Tried ${CONFIG_NAMES.join(", ")}.`,
      remedy: "erth init in that folder, or name the file: --config <file>",
    });
  }
  if (stats === undefined) {
    const folder = dirname(file);
    const close = existsSync(folder) ? nearest(basename(file), readdirSync(folder)) : undefined;
    throw new ErthError({
      code: "CONFIG_NOT_FOUND",
      message: `${file} does not exist.`,
      remedy: close === undefined ? "correct the path after --config" : `--config ${join(dirname(path), close)}`,
    });
  }
  if (!EXTENSIONS.includes(extname(file))) {
    throw new ErthError({
      code: "CONFIG_LOAD",
      message: `${displayPath(file)} ends in ${extname(file) || "no extension"}; a config is ${EXTENSIONS.join(", ")}.`,
      remedy: "rename it to erth.config.ts and export default defineConfig({ … })",
    });
  }
  return file;
}

function configIn(folder: string): string | undefined {
  const found = CONFIG_NAMES.map((name) => join(folder, name)).filter((file) => existsSync(file));
  if (found.length > 1) {
    throw new ErthError({
      code: "CONFIG_AMBIGUOUS",
      message: `${folder} holds ${found.map((file) => basename(file)).join(" and ")}.`,
      remedy: `remove one of them, or name the one you mean: --config ${displayPath(found[0] ?? folder)}`,
    });
  }
  return found[0];
}

async function importConfig(file: string, timeoutMs: number): Promise<unknown> {
  const shown = displayPath(file);
  if (extname(file) === ".json") return await readJson(file, shown);
  let timer: NodeJS.Timeout | undefined;
  // An import that never settles leaves nothing to wait for, and Node would end without a word.
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it did not finish loading in ${timeoutMs / 1000} s`)), timeoutMs);
  });
  try {
    const loaded: unknown = await Promise.race([import(pathToFileURL(file).href), timeout]);
    if (typeof loaded === "object" && loaded !== null && "default" in loaded) return loaded.default;
  } catch (cause) {
    throw new ErthError({
      code: "CONFIG_LOAD",
      message: `${shown}${placeOf(cause, file)} failed while loading: ${messageOf(cause).trim()}`,
      remedy: "mend the file; node runs it as it is, so only types that can be erased are allowed",
      cause,
    });
  } finally {
    clearTimeout(timer);
  }
  throw new ErthError({
    code: "CONFIG_LOAD",
    message: `${shown} has no default export.`,
    remedy: "write export default defineConfig({ … })",
  });
}

async function readJson(file: string, shown: string): Promise<unknown> {
  try {
    const text = await readFile(file, "utf8");
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw new ErthError({
      code: "CONFIG_LOAD",
      message: `${shown} cannot be read as JSON: ${messageOf(cause)}`,
      remedy: "mend the file, or use erth.config.ts, which takes comments and trailing commas",
      cause,
    });
  }
}
