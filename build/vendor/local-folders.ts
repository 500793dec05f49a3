/** Local folders that stand in for locked binaries: `vendor.folders` of the config, and `ERTH_ELECTROBUN_CORE_DIR`. */
import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { hostTarget, isTarget, TARGETS } from "../plan/target.ts";

export interface LocalFolder {
  /** Absolute. */
  readonly path: string;
  /** The setting that named it, for messages. */
  readonly setBy: string;
}

export interface LocalFolderRequest {
  readonly folders: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const CORE_VARIABLE = "ERTH_ELECTROBUN_CORE_DIR";
const CORE_PREFIX = "electrobun-core/";

/**
 * The folder that stands in for this entry, or undefined. It may not exist.
 * The variable names a core for this machine's target, or a folder with one
 * subfolder per target; it wins over the config.
 */
export function localFolder(name: string, { folders, env }: LocalFolderRequest): LocalFolder | undefined {
  const cores = env[CORE_VARIABLE];
  if (cores && name.startsWith(CORE_PREFIX)) {
    const target = name.slice(CORE_PREFIX.length);
    const root = resolve(cores);
    const perTarget = TARGETS.some((one) => isFolder(join(root, one)));
    if (perTarget && isTarget(target) && isFolder(join(root, target))) {
      return { path: join(root, target), setBy: CORE_VARIABLE };
    }
    if (!perTarget && target === hostTarget()) return { path: root, setBy: CORE_VARIABLE };
  }
  const configured = Object.hasOwn(folders, name) ? folders[name] : undefined;
  return configured === undefined ? undefined : { path: configured, setBy: `vendor.folders["${name}"]` };
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
