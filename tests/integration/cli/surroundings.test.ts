/** The real command line where the disk will not have what it writes. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { scratchFolder } from "../../support/scratch.ts";

const ROOT = join(import.meta.dirname, "../../..");
const APP = ["--config", join(ROOT, "app/erth.config.ts")] as const;
const PLAN = [join(ROOT, "build/cli/main.ts"), "plan", ...APP] as const;
const PACKAGE = [join(ROOT, "build/cli/main.ts"), "package", ...APP, "--target", "linux-x64"] as const;
const canMount = spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "none", "/tmp"]).status === 0;

test("a cache that is below a file is told with the variable to set", async () => {
  const folder = await scratchFolder();
  writeFileSync(join(folder, "file"), "");
  const env = { ...process.env, ERTH_CACHE: join(folder, "file/cache") };
  const { status, stderr } = spawnSync(process.execPath, PLAN, { encoding: "utf8", env });
  expect(stderr).toMatch(/error\[CACHE_NOT_WRITABLE\] the cache .*ENOTDIR.*\n {2}do {2}.*ERTH_CACHE/);
  expect(status).toBe(1);
});

test.skipIf(!canMount)("unshare: an output folder on a read-only disk is told before anything is built", async () => {
  const folder = await scratchFolder();
  mkdirSync(join(folder, "disk"));
  const script = `mount -t tmpfs none '${folder}/disk' && mount -o remount,ro '${folder}/disk' && exec "$0" "$@"`;
  const env = { ...process.env, ERTH_CACHE: join(folder, "cache") };
  const args = ["-rm", "sh", "-c", script, process.execPath, ...PACKAGE, "--out", join(folder, "disk/dist")];
  const { status, stdout, stderr } = spawnSync("unshare", args, { encoding: "utf8", env });
  expect(stderr).toMatch(/error\[OUT_NOT_WRITABLE\] the output folder .*EROFS.*\n {2}do {2}.*--out/);
  expect(stderr).not.toContain("✓");
  expect([status, stdout]).toEqual([1, ""]);
});

test.skipIf(!canMount)("unshare: a cache on a read-only disk is told with the system's reason", async () => {
  const folder = await scratchFolder();
  mkdirSync(join(folder, "disk"));
  const script = `mount -t tmpfs none '${folder}/disk' && mount -o remount,ro '${folder}/disk' && exec "$0" "$@"`;
  const env = { ...process.env, ERTH_CACHE: join(folder, "disk/deep/cache") };
  const args = ["-rm", "sh", "-c", script, process.execPath, ...PLAN];
  const { status, stderr } = spawnSync("unshare", args, { encoding: "utf8", env });
  expect(stderr).toMatch(/error\[CACHE_NOT_WRITABLE\] the cache .*EROFS.*\n {2}do {2}.*ERTH_CACHE/);
  expect(status).toBe(1);
});
