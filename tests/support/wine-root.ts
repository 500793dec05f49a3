/** Wine 10 in the Debian 13 root that `.ci/wine-root` makes: shell scripts with `wine` in reach, in a mount namespace of their own. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const ROOT = join(process.env.ERTH_TOOLS ?? join(homedir(), ".cache/erth-tools"), "wine-root");

/** Whether scripts can be run in it: the root is whole, and this user may mount. */
export const hasWineRoot =
  existsSync(`${ROOT}.ready`) &&
  process.getuid?.() === 0 &&
  spawnSync("unshare", ["--mount", "--pid", "--fork", "true"]).status === 0;

/** Bound into the root, so that nothing of the host is seen but this folder; all mounts go with the namespace. */
const ENTER = `
mount -t tmpfs tmpfs "$1/mnt"
mkdir "$1/mnt/host"
mount --bind "$2" "$1/mnt/host"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
exec chroot "$1" /usr/bin/env -i PATH=/usr/bin:/bin HOME=/mnt/host/home WINEDEBUG=-all LANG=C.UTF-8 \
  XDG_RUNTIME_DIR=/tmp sh -c "$3"`;

export interface WineResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a shell script whose `/mnt/host` (Wine's `Z:\\mnt\\host`) is this folder
 * and whose home, with the Wine prefix, is `home` in it. What Wine keeps in
 * memory is lost with the script, unless it ends with `wineserver -w`.
 */
export function runInWine(folder: string, script: string, timeoutMs: number): WineResult {
  mkdirSync(join(folder, "home"), { recursive: true });
  const args = ["--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", ENTER, "sh", ROOT, folder, script];
  return spawnSync("unshare", args, { encoding: "utf8", timeout: timeoutMs, killSignal: "SIGKILL" });
}
