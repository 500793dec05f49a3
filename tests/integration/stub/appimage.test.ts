/** The AppImage, started: its own flags, what the app gets to know, and what it does when it is damaged. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { copyFile, cp, lstat, mkdir, readFile, readdir, readlink, stat, truncate, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { hostTarget } from "../../../build/plan/target.ts";
import { scratchFolder } from "../../support/scratch.ts";
import { IDENTIFIER, SCRIPT, begin, damageFrame, runnableApp, start } from "./small-app.ts";

const isLinux = hostTarget()?.startsWith("linux-") === true;
const UPDATES = "zsync|https://example.com/notes.AppImage.zsync";

function appImage(options: Parameters<typeof runnableApp>[0] = {}): Promise<string> {
  return runnableApp({ format: "appimage", ...options });
}

/** What the app said about how it was started. */
const ABOUT = `#!/bin/sh
echo "appimage $APPIMAGE"
echo "appdir $APPDIR"
echo "argv0 $ARGV0"
echo "owd $OWD"
echo "file $ERTH_FILE"
echo "home $HOME"
for argument in "$@"; do echo "arg $argument"; done
`;

async function withAbout(root: string): Promise<void> {
  await writeFile(join(root, "bin/start"), ABOUT);
}

describe.skipIf(!isLinux)("an AppImage (Linux)", () => {
  test("starts the app, which gets to know where the AppImage is and where it was started", async () => {
    const home = await scratchFolder();
    const file = join(home, "Nötes 漢字.AppImage");
    await copyFile(await appImage({ change: withAbout }), file);
    const { code, stdout, stderr } = await start(file, ["a b"], { HOME: home });
    expect([code, stderr]).toEqual([0, ""]);
    const [id = ""] = (await readdir(join(home, ".cache", IDENTIFIER, "app"))).filter((name) => !name.includes("."));
    const folder = join(home, ".cache", IDENTIFIER, "app", id);
    expect(stdout).toBe(
      `appimage ${file}\nappdir ${folder}\nargv0 ${file}\nowd /\nfile ${file}\nhome ${home}\narg --own\narg a b\n`,
    );
    expect((await start(file, [], { HOME: home })).code).toBe(0);
  });

  test("extract-and-run is what it always does; the flag does not reach the app", async () => {
    const home = await scratchFolder();
    const { stdout } = await start(await appImage(), ["--appimage-extract-and-run", "x"], { HOME: home });
    expect(stdout).toContain("arg --own\narg x\n");
    expect(stdout).not.toContain("appimage-extract");
  });

  test("five simultaneous first starts all end well", async () => {
    const home = await scratchFolder();
    const file = await appImage({ ballastBytes: 8 << 20 });
    const starts = await Promise.all(Array.from({ length: 5 }, () => start(file, [], { HOME: home })));
    expect(starts.map(({ code, stderr }) => [code, stderr])).toEqual(Array.from({ length: 5 }, () => [7, ""]));
  });

  test("a flipped byte ends with 70; one that lost its end is said to", async () => {
    const home = await scratchFolder();
    const file = await appImage({ ballastBytes: 1 << 20 });
    await damageFrame(file);
    const { code, stderr } = await start(file, [], { HOME: home });
    expect([code, stderr]).toEqual([70, expect.stringMatching(/^error\[FILE_DAMAGED\] the frame at \d+ .*\n {2}do /)]);
    await truncate(file, (await stat(file)).size - (512 << 10));
    const cut = await start(file, [], { HOME: home });
    expect([cut.code, cut.stderr]).toEqual([70, expect.stringContaining("is not whole: its end is missing")]);
    const extracted = await start(file, ["--appimage-extract"], { HOME: home }, home);
    expect([extracted.code, extracted.stderr]).toEqual([70, expect.stringContaining("cut off")]);
  });

  test("tells about itself: offset, update information, signature, version, help", async () => {
    const env = { HOME: await scratchFolder() };
    const file = await appImage({ updateInformation: UPDATES });
    expect((await start(file, ["--appimage-offset"], env)).stdout).toBe("12288\n");
    expect((await readFile(file)).toString("latin1", 12288, 12292)).toBe("hsqs");
    expect((await start(file, ["--appimage-updateinformation"], env)).stdout).toBe(`${UPDATES}\n`);
    expect((await start(file, ["--appimage-updateinfo"], env)).stdout).toBe(`${UPDATES}\n`);
    expect((await start(file, ["--appimage-signature"], env)).stdout).toBe("\n");
    expect((await start(file, ["--appimage-version"], env)).stderr).toMatch(/^AppImage runtime version: /);
    expect((await start(file, ["--appimage-help"], env)).stdout).toContain("--appimage-extract [<pattern>]");
    const unknown = await start(file, ["--appimage-nothing"], env);
    expect([unknown.code, unknown.stderr]).toEqual([64, expect.stringContaining("--appimage-nothing is not known")]);
    expect(await readdir(env.HOME)).toEqual([]);
  });

  test("extracts the AppDir, and the AppRun in it is the app", async () => {
    const [home, place] = [await scratchFolder(), await scratchFolder()];
    const { code, stdout } = await start(await appImage(), ["--appimage-extract"], { HOME: home }, place);
    expect(code).toBe(0);
    const root = join(place, "squashfs-root");
    const names = (await readdir(root, { recursive: true })).sort();
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => line.slice("squashfs-root/".length))
        .sort(),
    ).toEqual(names);
    expect(names).toEqual(expect.arrayContaining([".DirIcon", "AppRun", `${IDENTIFIER}.desktop`]));
    expect((await stat(join(root, "AppRun"))).mode & 0o777).toBe(0o755);
    expect((await stat(join(root, ".DirIcon"))).mtime.toISOString()).toBe("2000-01-01T00:00:00.000Z");
    const run = await start(join(root, "AppRun"), ["x"], { HOME: home });
    expect([run.code, run.stdout]).toEqual([7, expect.stringContaining("arg --own\narg x\n")]);
  });

  test("extracts only what a pattern names, and what is in folders that it names", async () => {
    const [env, place] = [{ HOME: await scratchFolder() }, await scratchFolder()];
    const file = await appImage();
    const extracted = async (pattern: string): Promise<readonly string[]> => {
      const { stdout } = await start(file, ["--appimage-extract", pattern], env, place);
      return stdout.split("\n").filter((line) => line !== "");
    };
    expect(await extracted("*.desktop")).toEqual([`squashfs-root/${IDENTIFIER}.desktop`]);
    expect(await extracted("usr/share/metainfo")).toEqual([
      "squashfs-root/usr/share/metainfo",
      `squashfs-root/usr/share/metainfo/${IDENTIFIER}.appdata.xml`,
    ]);
    expect(await extracted("none")).toEqual([]);
  });

  test("extracts over an earlier try without following links out of it", async () => {
    const [env, place] = [{ HOME: await scratchFolder() }, await scratchFolder()];
    const file = await appImage();
    const outside = join(place, "outside");
    await mkdir(outside);
    await mkdir(join(place, "squashfs-root"));
    execFileSync("ln", ["-s", outside, join(place, "squashfs-root/usr")]);
    execFileSync("ln", ["-s", join(outside, "stolen"), join(place, "squashfs-root/.DirIcon")]);
    expect((await start(file, ["--appimage-extract"], env, place)).code).toBe(0);
    expect(await readdir(outside)).toEqual([]);
    expect((await lstat(join(place, "squashfs-root/usr"))).isDirectory()).toBe(true);
  });

  test("shows the AppDir in a folder for as long as it is not stopped", async () => {
    const temporary = await scratchFolder();
    const child = begin(await appImage(), ["--appimage-mount"], { HOME: temporary, TMPDIR: temporary });
    onTestFinished(() => void child.kill("SIGKILL"));
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const shown = line.toString().trim();
    expect(basename(shown)).toMatch(/^\.mount_/);
    expect(await readdir(shown)).toContain("AppRun");
    child.kill("SIGTERM");
    await once(child, "close");
    expect(child.exitCode).toBe(0);
    expect(await readdir(temporary)).toEqual([]);
  });

  test("a folder beside it becomes its home, so that all of it can be on one stick", async () => {
    const place = await scratchFolder();
    const file = join(place, "notes.AppImage");
    await copyFile(await appImage({ change: withAbout }), file);
    expect((await start(file, ["--appimage-portable-home"], { HOME: "/nowhere" })).code).toBe(0);
    const { stdout } = await start(file, [], { HOME: "/nowhere" });
    expect(stdout).toContain(`home ${file}.home\n`);
    expect(stdout).toContain(`appdir ${file}.home/.cache/${IDENTIFIER}/app/`);
  });

  test("is the runtime of another AppImage where TARGET_APPIMAGE names one", async () => {
    const home = await scratchFolder();
    const [runtime, other] = [await appImage(), await appImage({ version: "other", change: withAbout })];
    const { stdout } = await start(runtime, [], { HOME: home, TARGET_APPIMAGE: other });
    expect(stdout).toContain(`appimage ${other}\n`);
    const missing = await start(runtime, [], { HOME: home, TARGET_APPIMAGE: join(home, "none") });
    expect([missing.code, missing.stderr]).toEqual([64, expect.stringContaining("is not an AppImage")]);
  });

  test("an AppRun that another runtime has mounted names the AppImage as the file to update", async () => {
    const [home, mounted] = [await scratchFolder(), await scratchFolder()];
    const file = await appImage({ change: withAbout });
    await start(file, ["--appimage-extract"], { HOME: home }, home);
    await cp(join(home, "squashfs-root/AppRun"), join(mounted, "AppRun"));
    const env = { HOME: home, APPIMAGE: file, APPDIR: mounted };
    expect((await start(join(mounted, "AppRun"), [], env)).stdout).toContain(`file ${file}\n`);
    const elsewhere = { ...env, APPDIR: "/elsewhere" };
    expect((await start(join(mounted, "AppRun"), [], elsewhere)).stdout).toContain(`file ${mounted}/AppRun\n`);
  });

  test("links, empty folders and modes of the app arrive", async () => {
    const home = await scratchFolder();
    await start(await appImage(), ["--erth-extract", join(home, "out")], { HOME: home });
    expect(await readFile(join(home, "out/bin/start"), "utf8")).toBe(SCRIPT);
    expect(await readlink(join(home, "out/bin/link"))).toBe("start");
    expect((await lstat(join(home, "out/empty"))).isDirectory()).toBe(true);
    expect((await stat(join(home, "out/bin/start"))).mode & 0o777).toBe(0o755);
  });
});
