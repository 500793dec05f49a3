/** Where the first instance of an app can be reached: a folder of sockets, or a pipe's name on Windows. */
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync } from "node:fs";
import { homedir, tmpdir, userInfo } from "node:os";
import { isAbsolute, join } from "node:path";
import { ErthError } from "../base/errors.ts";
import type { AppFolders } from "../base/folders.ts";

/** `sockaddr_un.sun_path` less its NUL: 104 bytes on macOS, 108 on Linux. */
export const SOCKET_PATH_LIMIT_BYTES = process.platform === "darwin" ? 103 : 107;

/** Room for `/<16 hex>.sock`, the longest name in the folder. */
const NAME_BYTES = 22;

/** `\\.\pipe\…` of this user and app. */
export function pipeName(identifier: string): string {
  return `\\\\.\\pipe\\erth-${digest(`${userInfo().username}\n${homedir()}\n${identifier}`)}`;
}

/**
 * The folder for the app's sockets, private to the user; it is created. The
 * app's cache folder, or a hashed name in `XDG_RUNTIME_DIR` or the temporary
 * folder where that path would not fit into a socket address.
 */
export function socketFolder(folders: AppFolders, identifier: string, env = process.env, temporary = tmpdir()): string {
  const beside = join(folders.cache, "instance");
  if (fits(beside)) return privateFolder(beside);
  const hashed = `erth-${digest(`${folders.cache}\n${identifier}`)}`;
  const runtime = env.XDG_RUNTIME_DIR ?? "";
  if (isAbsolute(runtime) && fits(join(runtime, hashed)) && isPrivate(runtime)) {
    return privateFolder(join(runtime, hashed));
  }
  // In a shared folder the name alone does not protect: `privateFolder` checks who owns it.
  return privateFolder(join(temporary, hashed));
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 24);
}

function fits(folder: string): boolean {
  return Buffer.byteLength(folder) + NAME_BYTES <= SOCKET_PATH_LIMIT_BYTES;
}

function isPrivate(folder: string): boolean {
  const facts = lstatSync(folder, { throwIfNoEntry: false });
  return facts?.isDirectory() === true && facts.uid === process.getuid?.() && (facts.mode & 0o077) === 0;
}

function privateFolder(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (fits(folder) && isPrivate(folder)) return folder;
  throw new ErthError({
    code: "INSTANCE_FOLDER",
    message: fits(folder)
      ? `${folder} is not a folder that only you can enter.`
      : `${folder} is too long for a socket address (${SOCKET_PATH_LIMIT_BYTES} bytes).`,
    remedy: fits(folder) ? `rm -r '${folder}', and start again` : "set TMPDIR=/tmp and start again",
  });
}
