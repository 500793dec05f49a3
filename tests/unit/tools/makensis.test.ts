import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findMakensis } from "../../../build/tools/makensis.ts";
import type { Exec } from "../../../build/tools/exec.ts";
import { scratchFolder } from "../../support/scratch.ts";

const tells =
  (version: string): Exec =>
  () =>
    Promise.resolve({ stdout: `${version}\n`, stderr: "" });

async function programIn(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, "makensis");
  await writeFile(path, "");
  await chmod(path, 0o755);
  return path;
}

test("the variable wins over the config's folder, and that over PATH", async () => {
  const folder = await scratchFolder();
  const [named, own, onPath] = await Promise.all(["a", "b", "c"].map((name) => programIn(join(folder, name))));
  const exec = tells("v3.10");
  const PATH = join(folder, "c");
  const request = { exec, platform: "linux" as const };
  const from = async (env: NodeJS.ProcessEnv, own?: string) => findMakensis({ ...request, env, folder: own });
  expect((await from({ PATH, ERTH_MAKENSIS: named }, join(folder, "b"))).path).toBe(named);
  expect(await from({ PATH }, join(folder, "b"))).toEqual({
    path: own,
    version: "v3.10",
    env: { NSISDIR: join(folder, "b") },
  });
  expect(await from({ PATH })).toEqual({ path: onPath, version: "v3.10", env: {} });
});

test.each([
  ["linux", "apt install nsis"],
  ["darwin", "brew install makensis"],
  ["win32", "winget install NSIS.NSIS"],
] as const)("without one on %s, it says what it tried and what to type", async (platform, command) => {
  const finding = findMakensis({ exec: tells(""), env: { PATH: "/nowhere" }, folder: "/nsis", platform });
  await expect(finding).rejects.toMatchObject({
    code: "TOOL_MISSING",
    message: expect.stringMatching(/ERTH_MAKENSIS, .*nsis.*, 1 folders of PATH/),
    remedy: expect.stringContaining(command),
  });
});

test.each(["v2.51", "v3.07", "v3.04-1", "nonsense"])("version %s is too old", async (version) => {
  const folder = await scratchFolder();
  await programIn(folder);
  await expect(
    findMakensis({ exec: tells(version), env: { PATH: folder }, folder: undefined, platform: "linux" }),
  ).rejects.toMatchObject({ code: "TOOL_TOO_OLD", message: expect.stringContaining(version) });
});

test.each(["v3.08", "v3.08-3+deb12u1", "v3.11", "v4.0"])("version %s will do", async (version) => {
  const folder = await scratchFolder();
  await programIn(folder);
  const found = await findMakensis({
    exec: tells(version),
    env: { PATH: folder },
    folder: undefined,
    platform: "linux",
  });
  expect(found.version).toBe(version);
});
