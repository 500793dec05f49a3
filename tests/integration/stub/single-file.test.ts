import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  chmod,
  copyFile,
  lstat,
  mkdir,
  readFile,
  readdir,
  readlink,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { hostTarget } from "../../../build/plan/target.ts";
import { scratchFolder } from "../../support/scratch.ts";
import { IDENTIFIER, SCRIPT, begin, damageFrame, ended, runnableApp, start, withIndex } from "./small-app.ts";

const isLinux = hostTarget()?.startsWith("linux-") === true;
const canMount = isLinux && process.getuid?.() === 0 && commandWorks("unshare", ["-m", "true"]);

function commandWorks(file: string, args: readonly string[]): boolean {
  try {
    execFileSync(file, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function appFolder(home: string): Promise<string> {
  const base = join(home, ".cache", IDENTIFIER, "app");
  const [id, ...more] = (await readdir(base)).filter((name) => !name.includes("."));
  expect(more).toEqual([]);
  return join(base, id!);
}

/** What a start left that belongs to no finished version. */
async function leftovers(home: string): Promise<readonly string[]> {
  const names = await readdir(join(home, ".cache", IDENTIFIER, "app"));
  return names.filter((name) => /\.(part|gone)$/.test(name));
}

/** Starts the file and kills it as soon as it has begun to unpack; whether it was still at it. */
async function killWhileUnpacking(file: string, home: string): Promise<boolean> {
  const base = join(home, ".cache", IDENTIFIER, "app");
  const child = begin(file, [], { HOME: home });
  const closed = once(child, "close");
  const hasBegun = (): Promise<boolean> =>
    readdir(base).then(
      (names) => names.some((name) => name.endsWith(".part")),
      () => false,
    );
  while (child.exitCode === null && !(await hasBegun()));
  child.kill("SIGKILL");
  child.stdin.end();
  child.stdout.resume();
  await closed;
  return child.signalCode === "SIGKILL" && (await leftovers(home)).length > 0;
}

describe.skipIf(!isLinux)("a single file (Linux)", { concurrent: false }, () => {
  test("unpacks once, becomes the app, and hands on arguments, environment and place", async () => {
    const home = await scratchFolder();
    const file = join(home, "Nötes 漢字 – kopie");
    await copyFile(await runnableApp(), file);
    const child = begin(file, ["a b", "", "$HOME"], { HOME: home });
    const { pid } = child;
    const first = await ended(child);
    const folder = await appFolder(home);
    expect(first).toEqual({
      code: 7,
      stderr: "",
      // The pid is the file's own: no process of the stub stays behind.
      stdout: `pid ${pid}\ncwd ${folder}/bin\nfile ${file}\nown set by launch\narg --own\narg a b\narg \narg $HOME\n`,
    });
    expect(await readFile(join(folder, "bin/start"), "utf8")).toBe(SCRIPT);
    expect(await readFile(join(folder, "version 漢字.txt"), "utf8")).toBe("1");
    expect(await readlink(join(folder, "bin/link"))).toBe("start");
    expect((await lstat(join(folder, "empty"))).isDirectory()).toBe(true);
    expect((await stat(join(folder, "bin/start"))).mode & 0o777).toBe(0o755);
    expect((await stat(join(home, ".cache", IDENTIFIER, "app"))).mode & 0o777).toBe(0o700);

    const { ino, ctimeMs } = await stat(join(folder, "bin/start"));
    expect((await start(file, [], { HOME: home })).code).toBe(7);
    expect(await stat(join(folder, "bin/start"))).toMatchObject({ ino, ctimeMs });
  });

  test("ERTH_HOME and XDG_CACHE_HOME move the unpacked folder", async () => {
    const [home, cache, moved] = await Promise.all([scratchFolder(), scratchFolder(), scratchFolder()]);
    const file = await runnableApp();
    expect((await start(file, [], { HOME: home, XDG_CACHE_HOME: cache })).stdout).toContain(
      `cwd ${cache}/${IDENTIFIER}/app/`,
    );
    expect((await start(file, [], { HOME: home, XDG_CACHE_HOME: cache, ERTH_HOME: moved })).stdout).toContain(
      `cwd ${moved}/cache/app/`,
    );
    expect(await readdir(home)).toEqual([]);
  });

  test("five simultaneous first starts all end well, with one tree", async () => {
    const home = await scratchFolder();
    const file = await runnableApp({ ballastBytes: 8 << 20 });
    const starts = await Promise.all(Array.from({ length: 5 }, () => start(file, [], { HOME: home })));
    expect(starts.map(({ code, stderr }) => [code, stderr])).toEqual(Array.from({ length: 5 }, () => [7, ""]));
    expect(await leftovers(home)).toEqual([]);
    expect((await lstat(join(await appFolder(home), "ballast"))).size).toBe(8 << 20);
  });

  test("killed while unpacking, it starts clean the next time", async () => {
    const file = await runnableApp({ ballastBytes: 96 << 20 });
    let home = await scratchFolder();
    // On a busy machine the look at the folder may come too late: then once more.
    while (!(await killWhileUnpacking(file, home))) home = await scratchFolder();
    expect(await leftovers(home)).toHaveLength(1);

    expect((await start(file, [], { HOME: home })).code).toBe(7);
    expect(await leftovers(home)).toEqual([]);
  });

  test("a flipped byte ends with 70 and keeps nothing", async () => {
    const home = await scratchFolder();
    const file = await runnableApp();
    await damageFrame(file);
    const { code, stderr } = await start(file, [], { HOME: home });
    expect(code).toBe(70);
    expect(stderr).toMatch(/^error\[FILE_DAMAGED\] the frame at \d+ .*\n {2}do {2}download the app again\n$/);
    const names = await readdir(join(home, ".cache", IDENTIFIER, "app"));
    expect(names.filter((name) => !name.endsWith(".lock"))).toEqual([]);
    expect((await start(file, ["--erth-verify"], { HOME: home })).code).toBe(70);
  });

  test("a file that was cut off ends with 70", async () => {
    const file = await runnableApp();
    await truncate(file, (await stat(file)).size - 20);
    const { code, stderr } = await start(file, [], { HOME: await scratchFolder() });
    expect([code, stderr]).toEqual([70, expect.stringContaining("is not whole")]);
  });

  test("what a cleaner took from the cache comes back", async () => {
    const home = await scratchFolder();
    const file = await runnableApp();
    await start(file, [], { HOME: home });
    const folder = await appFolder(home);
    await rm(join(folder, "version 漢字.txt"));
    expect((await start(file, [], { HOME: home })).code).toBe(7);
    expect(await readFile(join(folder, "version 漢字.txt"), "utf8")).toBe("1");
    expect(await leftovers(home)).toEqual([]);
  });

  test("old versions go, except the newest other one and any that is running", async () => {
    const home = await scratchFolder();
    const files = await Promise.all(["1", "2", "3", "4"].map((version) => runnableApp({ version })));
    const running = begin(files[0]!, ["stay"], { HOME: home });
    onTestFinished(() => void running.kill("SIGKILL"));
    const output = once(running.stdout, "data");
    await output;
    for (const file of files.slice(1)) expect((await start(file, [], { HOME: home })).code).toBe(7);
    const base = join(home, ".cache", IDENTIFIER, "app");
    const versions = async (): Promise<readonly string[]> => {
      const ids = (await readdir(base)).filter((name) => !name.includes("."));
      return (await Promise.all(ids.map((id) => readFile(join(base, id, "version 漢字.txt"), "utf8")))).sort();
    };
    expect(await versions()).toEqual(["1", "3", "4"]);
    expect((await ended(running)).code).toBe(7);

    expect((await start(await runnableApp({ version: "5" }), [], { HOME: home })).code).toBe(7);
    expect(await versions()).toEqual(["4", "5"]);
  });

  test("a missing system library is named with its package, before anything is unpacked", async () => {
    const home = await scratchFolder();
    const file = await runnableApp();
    const packages = { debian: "libnothing9", fedora: "nothing", arch: "nothing", suse: "libnothing9" };
    await withIndex(file, { requirements: [{ library: "libnothing.so.9", packages }] });
    const { code, stderr } = await start(file, [], { HOME: home });
    expect(code).toBe(69);
    expect(stderr).toContain("Plain Notes needs libnothing.so.9, which this system does not have.");
    expect(stderr).toContain("nothing");
    expect(await readdir(home)).toEqual([]);
  });

  test("on a desktop without a terminal the message is a dialog", async () => {
    const home = await scratchFolder();
    const file = await runnableApp();
    await damageFrame(file);
    await writeFile(join(home, "zenity"), '#!/bin/sh\nfor a in "$@"; do echo "$a" >> "$HOME/said"; done\n');
    await chmod(join(home, "zenity"), 0o755);
    const env = { HOME: home, PATH: `${home}:${process.env.PATH}` };
    await start(file, [], env);
    expect(await readdir(home)).not.toContain("said");
    expect((await start(file, [], { ...env, DISPLAY: ":99" })).code).toBe(70);
    const said = await readFile(join(home, "said"), "utf8");
    expect(said).toContain("--error\n--no-markup\n--title=Plain Notes\n--text=the frame at ");
    expect(said).toContain("download the app again");
  });

  test("a home that cannot be written falls back, with a note", async () => {
    const temporary = await scratchFolder();
    const file = await runnableApp();
    const { code, stdout, stderr } = await start(file, [], { HOME: "/proc", TMPDIR: temporary });
    expect(code).toBe(7);
    expect(stdout).toContain(`cwd ${temporary}/${IDENTIFIER}-${process.getuid?.()}/app/`);
    expect(stderr).toMatch(/^note: unpacked to .* since \/proc\/\.cache\/.* cannot be used: /);
  });

  test("the file's own flags: info, verify, extract", async () => {
    const home = await scratchFolder();
    const file = await runnableApp();
    const info: unknown = JSON.parse((await start(file, ["--erth-info"], { HOME: home })).stdout);
    expect(info).toMatchObject({ name: "Plain Notes", identifier: IDENTIFIER, version: "1.2.3", files: 2 });
    expect((await start(file, ["--erth-verify"], { HOME: home })).stdout).toContain("all as published");
    const to = join(home, "out");
    expect((await start(file, ["--erth-extract", to], { HOME: home })).code).toBe(0);
    expect((await readdir(to)).sort()).toEqual(["bin", "empty", "version 漢字.txt"]);
    const again = await start(file, ["--erth-extract", to], { HOME: home });
    expect([again.code, again.stderr]).toEqual([73, expect.stringContaining("file exists")]);
    expect((await start(file, ["--erth-extract"], { HOME: home })).code).toBe(64);
    // Nothing of this unpacks to the cache, and other flags are the app's.
    expect(await readdir(home)).toEqual(["out"]);
    expect((await start(file, ["--erth-other"], { HOME: home })).stdout).toContain("arg --erth-other");
  });

  test("a file that is replaced while it starts is still the one that started", async () => {
    const home = await scratchFolder();
    const file = await runnableApp({ ballastBytes: 32 << 20 });
    const child = begin(file, [], { HOME: home });
    await rename(file, `${file}.old`);
    await writeFile(file, "a newer version, half downloaded");
    expect((await ended(child)).code).toBe(7);
  });
});

/** Runs a script in a mount namespace of its own, so that nothing it mounts is seen outside. */
async function inNamespace(script: string, args: readonly string[], env: Record<string, string>) {
  return start("unshare", ["-m", "--propagation", "private", "sh", "-ec", script, "sh", ...args], env);
}

describe.skipIf(!canMount)("a single file on special file systems (needs root and unshare)", () => {
  test("a full disk is said with the bytes that are needed", async () => {
    const [home, file] = await Promise.all([scratchFolder(), runnableApp({ ballastBytes: 4 << 20 })]);
    const script = 'mount -t tmpfs -o size=1m tmpfs "$HOME"; exec "$1"';
    const { code, stderr } = await inNamespace(script, [file], { HOME: home });
    expect(code).toBe(74);
    expect(stderr).toMatch(/^error\[DISK_FULL\] Plain Notes needs 4\.2 MB \(41\d{5} bytes\) on the disk/);
  });

  test("a folder from which programs may not run is passed over", async () => {
    const [home, temporary, file] = await Promise.all([scratchFolder(), scratchFolder(), runnableApp()]);
    const script = 'mount -t tmpfs -o noexec tmpfs "$HOME"; exec "$1"';
    const { code, stdout, stderr } = await inNamespace(script, [file], { HOME: home, TMPDIR: temporary });
    expect([code, stderr]).toEqual([7, expect.stringContaining("noexec")]);
    expect(stdout).toContain(`cwd ${temporary}/`);
  });

  test("with no folder at all it says what it tried", async () => {
    const [home, file] = await Promise.all([scratchFolder(), runnableApp()]);
    await mkdir(join(home, "x"));
    const script = 'for f in /tmp /var/tmp; do mount --bind $f $f; mount -o remount,ro,bind $f; done; exec "$1"';
    const { code, stderr } = await inNamespace(script, [file], { HOME: home });
    expect(code).toBe(73);
    expect(stderr).toMatch(/^error\[NO_FOLDER\] .*\.cache.*read-only.*\/tmp\//);
  });
});
