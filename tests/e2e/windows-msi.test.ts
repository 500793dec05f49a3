/** Windows Installer packages, really installed: by Wine's msiexec, which shares nothing with the writer. */
import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { listTree } from "../../build/artifacts/digest.ts";
import { hasWine, wineWorld } from "../support/wine.ts";
import { IDENTIFIER, packageWindowsApp } from "../support/windows-app.ts";

/** `msiexec`'s 1603 as an exit code of Linux. */
const FAILED = 1603 & 0xff;
const UNINSTALL = "HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall";
/** Wine has no WebView2; what checks for it is shown below. */
const QUIET = ["/qn", "NOWEBVIEW2=1"];

const content = async (folder: string): Promise<unknown[]> =>
  Promise.all(
    (await listTree(folder)).map(async ({ path, kind }) => [
      path,
      kind,
      kind === "file" ? (await readFile(join(folder, path))).toString("base64") : "",
    ]),
  );

describe.skipIf(!hasWine)("an .msi under Wine 10", () => {
  test("installs for all users, upgrades, refuses to go back, and leaves nothing of its own", async () => {
    const name = "Éclair 2.0 — β";
    const setup = { protocols: ["notes"], fileTypes: [{ extension: "note", description: "Nöte [x]" }] };
    const old = await packageWindowsApp({ format: "msi", name, version: "1.0.0", setup, files: { "old.txt": "old" } });
    const next = await packageWindowsApp({ format: "msi", name, version: "1.1.0-beta.1", setup });
    const last = await packageWindowsApp({ format: "msi", name, version: "1.1.0", setup });
    const world = await wineWorld();
    const [one, two, three] = [
      await world.bring(old.path, "one.msi"),
      await world.bring(next.path, "two.msi"),
      await world.bring(last.path, "three.msi"),
    ];
    const folder = world.host(`C:\\Program Files\\${name}`);

    expect((await world.run("msiexec", ["/i", one, "/qn"])).code).toBe(FAILED);
    expect(existsSync(folder)).toBe(false);
    expect(await world.run("msiexec", ["/i", one, ...QUIET])).toEqual({ code: 0, output: "" });
    expect(await content(folder)).toEqual(await content(old.root));
    const programs = await world.registry(UNINSTALL);
    expect(programs).toContain(`"DisplayName"="${name}"`);
    expect(programs).toContain('"DisplayVersion"="1.0.0"');
    const classes = await world.registry("HKLM\\Software\\Classes");
    expect(classes).toContain(
      `\\"C:\\\\Program Files\\\\${name}\\\\${name}.exe\\" --own \\"a \\\\\\"b\\\\\\"\\" \\"%1\\"`,
    );
    expect(classes).toContain(`[HKEY_LOCAL_MACHINE\\Software\\Classes\\${IDENTIFIER}.note]\n@="Nöte [x]"`);

    await writeFile(join(folder, "mine.txt"), "mine");
    // The same three numbers upgrade, too: a prerelease to its release.
    for (const [file, { root }] of [
      [two, next],
      [three, last],
    ] as const) {
      expect(await world.run("msiexec", ["/i", file, ...QUIET])).toEqual({ code: 0, output: "" });
      expect((await readdir(folder)).includes("mine.txt")).toBe(true);
      expect((await content(folder)).filter((entry) => Array.isArray(entry) && entry[0] !== "mine.txt")).toEqual(
        await content(root),
      );
    }
    expect((await world.registry(UNINSTALL)).split(`"DisplayName"="${name}"`).length).toBe(2);
    expect((await world.run("msiexec", ["/i", one, ...QUIET])).code).toBe(FAILED);

    expect((await world.run("msiexec", ["/x", three, "/qn"])).code).toBe(0);
    expect(await readdir(folder)).toEqual(["mine.txt"]);
    expect(await world.registry(UNINSTALL)).not.toContain(name);
    expect(await world.registry("HKLM\\Software\\Classes\\notes")).toBe("");
  });
});
