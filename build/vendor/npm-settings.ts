/**
 * The user's npm settings, read by npm's own loader (`@npmcli/config`): project,
 * user and global `.npmrc`, `npm_config_*`, `${VARIABLE}` substitution, scoped
 * registries, tokens, proxies and certificate authorities, with npm's own
 * precedence. Loaded (45 ms) only when something must be downloaded.
 */
import { existsSync } from "node:fs";
import { delimiter, dirname, join, sep } from "node:path";
import Config from "@npmcli/config";
import definitions from "@npmcli/config/lib/definitions/index.js";
import { ErthError, messageOf } from "../../runtime/base/errors.ts";

/** Options as pacote and npm-registry-fetch take them; may hold tokens, so never print it. */
export type NpmSettings = Readonly<Record<string, unknown>>;

export interface NpmSettingsRequest {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder whose project `.npmrc` counts: the app's. */
  readonly folder: string;
}

export async function npmSettings({ env, folder }: NpmSettingsRequest): Promise<NpmSettings> {
  const config = new Config({
    ...definitions,
    npmPath: folder,
    argv: [],
    // The loader writes back into what it is given.
    env: { ...env },
    cwd: folder,
    execPath: installedNode(env),
    warn: false,
  });
  try {
    await config.load();
  } catch (cause) {
    throw new ErthError({
      code: "NPM_SETTINGS",
      message: `npm's settings cannot be read: ${messageOf(cause)}.`,
      remedy: "npm config list",
      cause,
    });
  }
  // pacote's and the downloads' own retries would multiply with ours.
  return { ...config.flat, cache: undefined, offline: false, preferOffline: false, retry: { retries: 0 } };
}

/**
 * npm looks for its global settings beside the installed Node. Ours may be the
 * one of the `node` package, inside `node_modules`, where there are none.
 */
function installedNode(env: NpmSettingsRequest["env"]): string {
  const inPackage = (path: string): boolean => path.split(sep).includes("node_modules");
  if (!inPackage(process.execPath)) return process.execPath;
  const name = process.platform === "win32" ? "node.exe" : "node";
  const found = (env.PATH ?? env.Path ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "" && !inPackage(folder))
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
  return found ?? join(dirname(process.execPath), name);
}
