/**
 * Setups, really run: by Wine 10, whose registry, locks and msiexec are its
 * own. What it cannot show is at the end of `windows-real.test.ts`.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { listTree } from "../../build/artifacts/digest.ts";
import { hasWine, wineWorld, type WineWorld } from "../support/wine.ts";
import { IDENTIFIER, packageWindowsApp } from "../support/windows-app.ts";

const PROGRAMS = "C:\\users\\root\\AppData\\Local\\Programs";
const MENU = "C:\\users\\root\\AppData\\Roaming\\Microsoft\\Windows\\Start Menu\\Programs";
const UNINSTALL = `Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\${IDENTIFIER}`;
/** Wine has no WebView2; what checks for it has a test of its own. */
const SILENT = ["/S", "/NOWEBVIEW2"];

const content = async (folder: string): Promise<unknown[]> =>
  Promise.all(
    (await listTree(folder)).map(async ({ path, kind }) => [
      path,
      kind,
      kind === "file" ? (await readFile(join(folder, path))).toString("base64") : "",
    ]),
  );

/** Every file that a user or an installer could have made. */
const filesOf = async (world: WineWorld): Promise<string[]> => {
  const places = ["users", "Program Files", "ProgramData"];
  const trees = await Promise.all(places.map((place) => listTree(world.host(`C:\\${place}`))));
  return trees.flat().map(({ path }) => path);
};

const escaped = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll('"', '\\"');

/** Where apps write; Wine keeps its own notes beside. */
const userKeys = async (world: WineWorld): Promise<string> =>
  (await world.registry("HKCU\\Software\\Classes")) + (await world.registry("HKCU\\Software\\Microsoft"));

/** The copy as which an uninstaller goes on: Windows deletes it at its next start. */
const isNsisCopy = (path: string): boolean => /\/Temp\/~nsu[^/]*(?:\/Un\.exe)?$/.test(path);

/** Starts the app's own Bun and returns when it runs; the result ends it. */
const startApp = async (world: WineWorld, folder: string): Promise<() => Promise<void>> => {
  const mark = world.host("C:\\runs");
  const { ended } = world.start(`${folder}\\app\\bin\\bun.exe`, ["stay", "C:\\runs"]);
  await expect.poll(() => existsSync(mark), { timeout: 30_000 }).toBe(true);
  return async () => {
    await rm(mark);
    await ended;
  };
};

describe.skipIf(!hasWine)("a setup under Wine 10", () => {
  test("apps of any name land whole and leave nothing", async () => {
    const world = await wineWorld();
    // Every real Windows has these.
    for (const key of ["Classes", "Microsoft\\Windows\\CurrentVersion\\Uninstall"]) {
      await world.run("reg", ["add", `HKCU\\Software\\${key}`]);
    }
    const [filesBefore, userBefore] = [await filesOf(world), await userKeys(world)];
    for (const [name, slug] of [
      ["ERTH Assistant", "erth-assistant"],
      ["Éclair 2.0 — β", "eclair-2-0"],
      ["日本語アプリ", "notes"],
      ["a.b c'd\"e", "a-b-cde"],
      ["100% $HOME & ${NSISDIR} `x`", "100-home-nsisdir-x"],
    ] as const) {
      const made = await packageWindowsApp({
        format: "setup",
        name,
        setup: { protocols: ["notes"], fileTypes: [{ extension: "note", description: "Nöte $1" }] },
      });
      const setup = await world.bring(made.path, "setup.exe");
      expect(await world.run(setup, SILENT), name).toEqual({ code: 0, output: "" });
      const folder = `${PROGRAMS}\\${slug}`;
      expect(await content(world.host(`${folder}\\app`))).toEqual(await content(made.root));
      expect((await readdir(world.host(folder))).sort()).toEqual(["Uninstall.exe", "app", "app.files"]);
      expect(await readdir(world.host(MENU))).toContain(made.executable.replace(/exe$/, "lnk"));
      const entry = await world.registry(`HKCU\\${UNINSTALL}`);
      expect(entry).toContain(`"DisplayName"="${escaped(name)}"`);
      expect(entry).toContain('"DisplayVersion"="1.2.3"');
      expect(entry).toContain(`"DisplayIcon"="${escaped(`${folder}\\app\\resources\\icon.ico`)}"`);
      expect(entry).toContain(`"InstallLocation"="${escaped(folder)}"`);
      expect(entry).toContain('"EstimatedSize"=dword:');
      const classes = await world.registry("HKCU\\Software\\Classes");
      expect(classes).toContain(`@="${escaped(`"${folder}\\app\\${made.executable}" --own "a \\"b\\"" "%1"`)}"`);
      expect(classes).toContain('@="Nöte $1"');

      expect((await world.run(`${folder}\\Uninstall.exe`, ["/S"])).code).toBe(0);
      await world.uninstalled();
    }
    const left = (await filesOf(world)).filter((path) => !filesBefore.includes(path) && !isNsisCopy(path));
    expect(left).toEqual(["root/AppData/Local/Programs"]);
    expect(await userKeys(world)).toBe(userBefore);
  });

  test("an upgrade replaces the whole app, waits for one that runs, and gives up with a code and nothing changed", async () => {
    const old = await packageWindowsApp({ format: "setup", version: "1.0.0", files: { "only/old.txt": "old" } });
    const next = await packageWindowsApp({ format: "setup", version: "1.1.0", files: { "new.txt": "new" } });
    const world = await wineWorld();
    const [one, two] = [await world.bring(old.path, "one.exe"), await world.bring(next.path, "two.exe")];
    const folder = "C:\\elsewhere\\my-notes";
    await mkdir(world.host(folder), { recursive: true });
    await writeFile(world.host(`${folder}\\theirs.txt`), "theirs");
    expect((await world.run(one, [...SILENT, `/D=${folder}`])).code).toBe(0);
    expect(await content(world.host(`${folder}\\app`))).toEqual(await content(old.root));

    const end = await startApp(world, folder);
    const before = await content(world.host(folder));
    const refused = await world.run(two, [...SILENT, "/WAIT=1"]);
    expect(refused).toEqual({
      code: 3,
      output: expect.stringContaining("Plain Notes is running. Nothing was changed"),
    });
    expect(await content(world.host(folder))).toEqual(before);

    const waiting = world.run(two, [...SILENT, "/WAIT=60"]);
    // It has unpacked beside the running app by then, and another setup is turned away.
    await expect.poll(() => existsSync(world.host(`${folder}\\app.files.new`)), { timeout: 30_000 }).toBe(true);
    expect((await world.run(one, SILENT)).code).toBe(8);
    await end();
    expect(await waiting).toEqual({ code: 0, output: "" });
    expect(await content(world.host(`${folder}\\app`))).toEqual(await content(next.root));
    expect((await readdir(world.host(folder))).sort()).toEqual(["Uninstall.exe", "app", "app.files", "theirs.txt"]);
    expect(await world.registry(`HKCU\\${UNINSTALL}`)).toContain('"DisplayVersion"="1.1.0"');

    // What users put among the app's files outlives the upgrade and the app.
    await writeFile(world.host(`${folder}\\app\\mine.txt`), "mine");
    expect((await world.run(one, SILENT)).code).toBe(0);
    expect((await world.run(`${folder}\\Uninstall.exe`, ["/S"])).code).toBe(0);
    await world.uninstalled();
    expect((await listTree(world.host(folder))).map(({ path }) => path)).toEqual([
      "app.old",
      "app.old/mine.txt",
      "theirs.txt",
    ]);
  });

  test("the uninstaller waits for a running app, keeps the user's data, and takes it when asked to", async () => {
    const made = await packageWindowsApp({ format: "setup" });
    const world = await wineWorld();
    const setup = await world.bring(made.path, "setup.exe");
    const folder = `${PROGRAMS}\\plain-notes`;
    const data = `C:\\users\\root\\AppData\\Local\\${IDENTIFIER}\\data`;
    expect((await world.run(setup, SILENT)).code).toBe(0);
    await mkdir(world.host(data), { recursive: true });
    await writeFile(world.host(`${data}\\app.db`), "notes");

    const end = await startApp(world, folder);
    // `_?=` keeps it from going on as a copy of itself, whose exit code nobody gets.
    const stay = `_?=${folder}`;
    expect((await world.run(`${folder}\\Uninstall.exe`, ["/S", "/WAIT=1", stay])).code).toBe(3);
    expect(await content(world.host(`${folder}\\app`))).toEqual(await content(made.root));
    await end();
    expect((await world.run(`${folder}\\Uninstall.exe`, ["/S"])).code).toBe(0);
    await world.uninstalled();
    expect(existsSync(world.host(folder))).toBe(false);
    expect(await readFile(world.host(`${data}\\app.db`), "utf8")).toBe("notes");

    expect((await world.run(setup, SILENT)).code).toBe(0);
    expect((await world.run(`${folder}\\Uninstall.exe`, ["/S", "/PURGE"])).code).toBe(0);
    await world.uninstalled();
    expect(existsSync(world.host(`C:\\users\\root\\AppData\\Local\\${IDENTIFIER}`))).toBe(false);
  });

  test("each refusal has its code, and installs nothing", async () => {
    const made = await packageWindowsApp({ format: "setup" });
    const world = await wineWorld();
    const setup = await world.bring(made.path, "setup.exe");
    const webView2 = await world.run(setup, ["/S"]);
    expect(webView2).toEqual({ code: 6, output: expect.stringContaining("WebView2 Runtime") });

    await mkdir(world.host("C:\\taken\\app"), { recursive: true });
    await writeFile(world.host("C:\\taken\\app\\theirs.txt"), "theirs");
    expect((await world.run(setup, [...SILENT, "/D=C:\\taken"])).code).toBe(9);
    expect((await listTree(world.host("C:\\taken"))).map(({ path }) => path)).toEqual(["app", "app/theirs.txt"]);

    const damaged = await readFile(made.path);
    damaged[damaged.length >> 1]! ^= 1;
    await writeFile(world.host("C:\\in\\damaged.exe"), damaged);
    expect((await world.run("C:\\in\\damaged.exe", SILENT)).code).toBe(2);
    expect(existsSync(world.host(`${PROGRAMS}\\plain-notes`))).toBe(false);

    const client = "SOFTWARE\\Microsoft\\EdgeUpdate\\Clients\\{F3017226-FE2A-4295-8BDF-00C3A9A7E4C5}";
    await world.run("reg", ["add", `HKLM\\${client}`, "/v", "pv", "/d", "120.0.0.0", "/reg:32", "/f"]);
    expect(await world.run(setup, ["/S"])).toEqual({ code: 0, output: "" });
  });

  test("an interrupted swap is mended by the next setup", async () => {
    const made = await packageWindowsApp({ format: "setup" });
    const world = await wineWorld();
    const setup = await world.bring(made.path, "setup.exe");
    const folder = `${PROGRAMS}\\plain-notes`;
    expect((await world.run(setup, SILENT)).code).toBe(0);
    await world.run("cmd", ["/c", "move", `${folder}\\app`, `${folder}\\app.old`]);
    await mkdir(world.host(`${folder}\\app.new\\half`), { recursive: true });
    expect((await world.run(setup, SILENT)).code).toBe(0);
    expect(await content(world.host(`${folder}\\app`))).toEqual(await content(made.root));
    expect((await readdir(world.host(folder))).sort()).toEqual(["Uninstall.exe", "app", "app.files"]);
  });

  test("for all users: Program Files, HKLM, a link on the desktop", async () => {
    const made = await packageWindowsApp({
      format: "setup",
      name: "Éclair 2.0 — β",
      setup: { scope: "machine", desktopShortcut: "always" },
    });
    const world = await wineWorld();
    const setup = await world.bring(made.path, "setup.exe");
    expect(await world.run(setup, SILENT)).toEqual({ code: 0, output: "" });
    const folder = "C:\\Program Files\\Éclair 2.0 — β";
    expect(await content(world.host(`${folder}\\app`))).toEqual(await content(made.root));
    expect(await world.registry(`HKLM\\${UNINSTALL}`)).toContain('"DisplayName"="Éclair 2.0 — β"');
    expect(await world.registry(`HKCU\\${UNINSTALL}`)).toBe("");
    const desktop = world.host("C:\\users\\Public\\Desktop\\Éclair 2.0 — β.lnk");
    expect(existsSync(desktop)).toBe(true);
    expect((await world.run(`${folder}\\Uninstall.exe`, ["/S"])).code).toBe(0);
    await world.uninstalled();
    expect([existsSync(world.host(folder)), existsSync(desktop)]).toEqual([false, false]);
  });
});
