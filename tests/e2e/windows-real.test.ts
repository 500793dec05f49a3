/**
 * The reference app for Windows as its users get it, installed and started by
 * Wine 10: its Bun, its sidecar with libSQL inside, over the real handshake.
 *
 * What Wine cannot show: a window, since WebView2 does not run there; UAC and
 * SmartScreen; whether antivirus keeps files of a new app open; Explorer's own
 * view of links, file types and the list of programs; links for all users in
 * the common Start menu, which Wine's msiexec puts into the user's; Restart
 * Manager; that a folder with an open file cannot be renamed (Wine renames it,
 * so only the check of running programs is shown to hold).
 */
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tmpdir } from "node:os";
import { hasWine, wineWorld, type WineWorld } from "../support/wine.ts";
import { erth } from "./support/built-app.ts";

let folder = "";
let finished = "";

beforeAll(async () => {
  if (!hasWine) return;
  folder = await mkdtemp(join(tmpdir(), "erth-windows-"));
  const out = join(folder, "dist");
  const what = ["--config", "app/erth.config.ts", "--target", "win32-x64"];
  erth(["package", ...what, "--format", "setup,msi", "--fast", "--quiet", "--out", out]);
  finished = join(out, "0.1.0");
  await build({
    entryPoints: [join(import.meta.dirname, "../fixtures/windows-program/sidecar-driver.ts")],
    outfile: join(folder, "driver.js"),
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "error",
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Starts the sidecar of an installed app by the app's own Bun; what both said. */
async function startSidecar(world: WineWorld, app: string): Promise<string> {
  const driver = await world.bring(join(folder, "driver.js"), "driver.js");
  await mkdir(world.host("C:\\home"), { recursive: true });
  const { code, output } = await world.run(`${app}\\bin\\bun.exe`, [driver, `${app}\\resources`, "C:\\home"]);
  expect([code, output]).toEqual([0, expect.stringContaining("serving")]);
  return output;
}

describe.skipIf(!hasWine)("the reference app under Wine 10", () => {
  test("its setup installs it, its sidecar serves from there, its uninstaller removes it", async () => {
    const world = await wineWorld();
    const name = (await readdir(finished)).find((file) => file.endsWith("-setup.exe"));
    const setup = await world.bring(join(finished, name ?? ""), "setup.exe");
    expect(await world.run(setup, ["/S", "/NOWEBVIEW2"])).toEqual({ code: 0, output: "" });
    const home = "C:\\users\\root\\AppData\\Local\\Programs\\erth-assistant";
    const output = await startSidecar(world, `${home}\\app`);
    expect(output).toMatch(/sidecar \d+ serves on port \d+/);
    expect((await readdir(world.host("C:\\home\\data"))).some((file) => file.endsWith(".db"))).toBe(true);
    expect((await world.run(`${home}\\Uninstall.exe`, ["/S"])).code).toBe(0);
    await world.uninstalled();
    expect(await readdir(world.host("C:\\users\\root\\AppData\\Local\\Programs"))).toEqual([]);
  });

  test("its .msi does the same for all users", async () => {
    const world = await wineWorld();
    const name = (await readdir(finished)).find((file) => file.endsWith(".msi"));
    const file = await world.bring(join(finished, name ?? ""), "app.msi");
    expect(await world.run("msiexec", ["/i", file, "/qn", "NOWEBVIEW2=1"])).toEqual({ code: 0, output: "" });
    await startSidecar(world, "C:\\Program Files\\ERTH Assistant");
    expect((await world.run("msiexec", ["/x", file, "/qn"])).code).toBe(0);
    expect(await readdir(world.host("C:\\Program Files"))).not.toContain("ERTH Assistant");
  });
});
