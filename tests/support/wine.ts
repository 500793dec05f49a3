/**
 * Windows machines for tests: Wine 10 in the Debian root that `.ci/wine-root`
 * makes, copied on write, so that each world is pristine and thrown away. All
 * that runs in one ends with it.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

const ROOT = join(process.env["ERTH_TOOLS"] ?? join(homedir(), ".cache/erth-tools"), "wine-root");
const RUN_LIMIT_MS = 180_000;

/** Mounts need root; the root is made by `.ci/wine-root`. */
export const hasWine = process.platform === "linux" && process.getuid?.() === 0 && existsSync(`${ROOT}.ready`);

export interface WineResult {
  readonly code: number;
  readonly output: string;
}

export interface WineWorld {
  /** The place of a Windows path such as `C:\users` on this machine. */
  host(windowsPath: string): string;
  /** Copies a file or folder to `C:\in\<name>`; returns that path. */
  bring(path: string, name: string): Promise<string>;
  /** Runs a program (a Windows path, or a builtin such as `msiexec`) to its end. */
  run(program: string, args?: readonly string[], env?: Readonly<Record<string, string>>): Promise<WineResult>;
  /** Starts a program that goes on; `ended` resolves when it does. */
  start(program: string, args?: readonly string[]): { readonly ended: Promise<void>; readonly child: ChildProcess };
  /** The text of a registry key as `reg export` writes it; "" where there is no such key. */
  registry(key: string): Promise<string>;
  /** Waits until no uninstaller runs: it goes on as a copy of itself when the one that was started has ended. */
  uninstalled(): Promise<void>;
}

/** A fresh world for one test. */
export async function wineWorld(): Promise<WineWorld> {
  const folder = await mkdtemp(join(tmpdir(), "erth-wine-"));
  const [upper, work, merged] = ["upper", "work", "merged"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [upper, work, merged]) await mkdir(path);
  const mounts = [
    `mount -t overlay overlay -o lowerdir=${ROOT},upperdir=${upper},workdir=${work} ${merged}`,
    `mount -t proc proc ${merged}/proc`,
    `mount --bind /dev ${merged}/dev`,
    // Wine's programs get SIGHUP with their terminal otherwise; this one waits for the end of its input.
    "echo ready; cat",
  ].join(" && ");
  const keeper = spawn("unshare", ["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", mounts], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await new Promise<void>((resolve, reject) => {
    keeper.stdout.once("data", () => resolve());
    keeper.once("exit", (code) => reject(new Error(`the world could not be mounted (${code})`)));
  });
  const inside = readFileSync(`/proc/${keeper.pid}/task/${keeper.pid}/children`, "utf8").trim();
  onTestFinished(async () => {
    keeper.removeAllListeners("exit");
    const gone = new Promise((resolve) => keeper.once("exit", resolve));
    keeper.kill("SIGKILL");
    await gone;
    await rm(folder, { recursive: true, force: true });
  });

  const drive = join("root/.wine/drive_c");
  // Written through the mount, as the kernel asks of overlays that are in use; /proc leads into its namespace.
  const view = `/proc/${inside}/root${merged}`;
  const host = (path: string): string => join(view, drive, path.replace(/^C:\\?/i, "").replaceAll("\\", "/"));
  // Wine would copy every link into the menus of Linux.
  const around = "HOME=/root PATH=/usr/bin:/bin LC_ALL=C.UTF-8 WINEDEBUG=-all WINEDLLOVERRIDES=winemenubuilder.exe=d";
  const enter = `--mount --pid --target ${inside} -- chroot ${merged} env -i -C /root ${around}`.split(" ");
  const command = (env: Readonly<Record<string, string>>, args: readonly string[]): string[] => [
    ...enter,
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
    ...args,
  ];
  let runs = 0;
  const nsenter = async (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<WineResult> => {
    // A file, not a pipe: services that stay behind would keep it open, and Node does not start on one under Wine.
    runs += 1;
    const log = join(folder, `run-${runs}.log`);
    const output = await open(log, "wx");
    const child = spawn("nsenter", command(env, args), {
      stdio: ["ignore", output.fd, output.fd],
      timeout: RUN_LIMIT_MS,
    });
    const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
    await output.close();
    const text = (await readFile(log, "utf8")).replace(/^error: XDG_RUNTIME_DIR.*\n/gm, "");
    if (code === null) throw new Error(`${args.join(" ")} was ended by ${signal}\n${text}`);
    return { code, output: text };
  };

  // Otherwise Windows would shut down between two programs, and start again for seconds.
  await nsenter(["wineserver", "--persistent"]);
  return {
    host,
    async bring(path, name) {
      await mkdir(host("C:\\in"), { recursive: true });
      await cp(path, host(`C:\\in\\${name}`), { recursive: true });
      return `C:\\in\\${name}`;
    },
    run: (program, args = [], env = {}) => nsenter(["wine", program, ...args], env),
    start(program, args = []) {
      const child = spawn("nsenter", command({}, ["wine", program, ...args]), { stdio: "ignore" });
      return { child, ended: new Promise((resolve) => child.once("exit", () => resolve())) };
    },
    async registry(key) {
      const { code } = await nsenter(["wine", "reg", "export", key, "C:\\export.reg", "/y", "/reg:64"]);
      if (code !== 0) return "";
      const text = (await readFile(host("C:\\export.reg"))).toString("utf16le");
      await rm(host("C:\\export.reg"));
      return text.replace(/^\ufeff/, "").replaceAll("\r\n", "\n");
    },
    async uninstalled() {
      const end = Date.now() + RUN_LIMIT_MS;
      while (running(join(view, "proc")).some((name) => /^(?:Un|Un_[A-Z]|Uninstall)\.exe$/i.test(name))) {
        if (Date.now() > end) throw new Error("the uninstaller does not end");
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
  };
}

/** Names of the processes that a /proc shows. */
function running(proc: string): readonly string[] {
  return readdirSync(proc)
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(join(proc, pid, "comm"), "utf8").trim();
      } catch {
        // It has ended meanwhile.
        return "";
      }
    });
}
