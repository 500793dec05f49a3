/** Where an app keeps its data, cache and logs: each OS's own convention, all per user. */
import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { ErthError, messageOf } from "./errors.ts";

export interface AppFolders {
  /** The user's data: the database and its backups. Never in the app folder. */
  readonly data: string;
  /** Files that can be made again: unpacked natives, the single-instance socket. */
  readonly cache: string;
  readonly logs: string;
}

export interface FolderSurroundings {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

const here: FolderSurroundings = { platform: process.platform, env: process.env, home: homedir() };

/**
 * The folders of the app with this reverse-DNS identifier; nothing is created.
 * `ERTH_HOME` moves all three under one folder, for tests and portable use.
 */
export function appFolders(identifier: string, around: FolderSurroundings = here): AppFolders {
  const { env, home } = around;
  const moved = env.ERTH_HOME;
  if (moved) {
    return { data: join(moved, "data"), cache: join(moved, "cache"), logs: join(moved, "logs") };
  }
  if (around.platform === "darwin") {
    const library = join(home, "Library");
    return {
      data: join(library, "Application Support", identifier),
      cache: join(library, "Caches", identifier),
      logs: join(library, "Logs", identifier),
    };
  }
  if (around.platform === "win32") {
    const base = join(env.LOCALAPPDATA || join(home, "AppData", "Local"), identifier);
    return { data: join(base, "data"), cache: join(base, "cache"), logs: join(base, "logs") };
  }
  // XDG Base Directory Specification: an empty or relative value counts as unset.
  const xdg = (name: string, fallback: string): string => {
    const value = env[name];
    return value?.startsWith("/") ? value : join(home, fallback);
  };
  return {
    data: join(xdg("XDG_DATA_HOME", ".local/share"), identifier),
    cache: join(xdg("XDG_CACHE_HOME", ".cache"), identifier),
    logs: join(xdg("XDG_STATE_HOME", ".local/state"), identifier, "logs"),
  };
}

/** Creates the folders with mode 0700; a home that cannot be written is an error with its remedy. */
export function createFolders(folders: AppFolders): void {
  for (const folder of [folders.data, folders.cache, folders.logs]) {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new ErthError({
        code: "FOLDER_NOT_WRITABLE",
        message: `${folder} cannot be created: ${messageOf(cause)}.`,
        remedy: "make your home folder writable, or set ERTH_HOME to a folder that is, and start again",
        cause,
      });
    }
  }
}
