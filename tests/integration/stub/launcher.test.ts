import { copyFile, mkdir, symlink, writeFile, chmod } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hostTarget } from "../../../build/plan/target.ts";
import { stubPath } from "../../../build/stub/targets.ts";
import { scratchFolder } from "../../support/scratch.ts";
import { SCRIPT, begin, ended, start } from "./small-app.ts";

const target = hostTarget();
const runs = target !== undefined && !target.startsWith("win32-");

/** A bundle with the launcher in one folder and launch.json in another. */
async function bundle(launchFolder: string, launch: unknown): Promise<string> {
  const root = await scratchFolder();
  await mkdir(join(root, "Cöntents/MacOS"), { recursive: true });
  await mkdir(join(root, "Cöntents/Resources"));
  const launcher = join(root, "Cöntents/MacOS/My App");
  await copyFile(stubPath(target!), launcher);
  await writeFile(join(root, "Cöntents/MacOS/start"), SCRIPT);
  await chmod(join(root, "Cöntents/MacOS/start"), 0o755);
  const text = typeof launch === "string" ? launch : JSON.stringify(launch);
  await writeFile(join(root, "Cöntents", launchFolder, "launch.json"), text);
  return launcher;
}

describe.skipIf(!runs)("the launcher (Linux and macOS)", () => {
  test("starts what ../Resources/launch.json says, in its place", async () => {
    const launcher = await bundle("Resources", {
      executable: "../MacOS/start",
      args: ["--own"],
      cwd: ".",
      env: { OWN: "é" },
    });
    const child = begin(launcher, ["a b"], {});
    const { pid } = child;
    const { code, stdout, stderr } = await ended(child);
    expect([code, stderr]).toEqual([7, ""]);
    const resources = join(launcher, "../../Resources");
    expect(stdout).toBe(`pid ${pid}\ncwd ${resources}\nfile \nown é\narg --own\narg a b\n`);
  });

  test("finds launch.json beside itself, even when started through a link", async () => {
    const launcher = await bundle("MacOS", { executable: "start", args: [], cwd: "", env: {} });
    const link = join(await scratchFolder(), "link");
    await symlink(launcher, link);
    const { code, stdout } = await start(link, [], {});
    expect([code, stdout]).toEqual([7, expect.stringContaining(`cwd ${join(launcher, "..")}\n`)]);
  });

  test("says what is wrong with a launch.json", async () => {
    const broken = await start(await bundle("MacOS", "{"), [], {});
    expect([broken.code, broken.stderr]).toEqual([70, expect.stringContaining("launch.json cannot be read")]);
    const lacking = await start(await bundle("MacOS", { executable: "start" }), [], {});
    expect([lacking.code, lacking.stderr]).toEqual([70, expect.stringContaining("lacks a field")]);
    const gone = await start(await bundle("MacOS", { executable: "none", args: [], cwd: "", env: {} }), [], {});
    expect([gone.code, gone.stderr]).toEqual([71, expect.stringContaining("could not be started")]);
  });
});
