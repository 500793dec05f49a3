import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { pipeName, SOCKET_PATH_LIMIT_BYTES, socketFolder } from "../../../../runtime/supervisor/instance-address.ts";

function setUp(depth: number) {
  const root = mkdtempSync(join(tmpdir(), "ia-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const cache = join(root, "空".repeat(depth));
  const runtime = join(root, "run");
  const temporary = join(root, "tmp");
  mkdirSync(runtime, { mode: 0o700 });
  mkdirSync(temporary);
  return { folders: { data: root, cache, logs: root }, runtime, temporary };
}

test("beside the cache where it fits, private and within the limit", () => {
  const { folders } = setUp(2);
  const folder = socketFolder(folders, "dev.erth.fake", {});
  expect(folder).toBe(join(folders.cache, "instance"));
  expect(statSync(folder).mode & 0o777).toBe(0o700);
});

test("a long path goes to XDG_RUNTIME_DIR under a hashed name, by bytes and not by characters", () => {
  const { folders, runtime } = setUp(40);
  const folder = socketFolder(folders, "dev.erth.fake", { XDG_RUNTIME_DIR: runtime });
  expect(folder).toMatch(/run\/erth-[0-9a-f]{24}$/);
  expect(Buffer.byteLength(`${folder}/0123456789abcdef.sock`)).toBeLessThanOrEqual(SOCKET_PATH_LIMIT_BYTES);
  const other = socketFolder(folders, "dev.erth.other", { XDG_RUNTIME_DIR: runtime });
  expect(other).not.toBe(folder);
});

test("without a private XDG_RUNTIME_DIR it is the temporary folder", () => {
  const { folders, runtime, temporary } = setUp(40);
  chmodSync(runtime, 0o755);
  for (const env of [
    {},
    { XDG_RUNTIME_DIR: "relative" },
    { XDG_RUNTIME_DIR: "/nowhere" },
    { XDG_RUNTIME_DIR: runtime },
  ]) {
    expect(socketFolder(folders, "dev.erth.fake", env, temporary)).toMatch(/tmp\/erth-[0-9a-f]{24}$/);
  }
});

test("a folder that others can enter is refused with its remedy", () => {
  const { folders, temporary } = setUp(40);
  const folder = socketFolder(folders, "dev.erth.fake", {}, temporary);
  chmodSync(folder, 0o777);
  expect(() => socketFolder(folders, "dev.erth.fake", {}, temporary)).toThrow(
    expect.objectContaining({ code: "INSTANCE_FOLDER", remedy: expect.stringContaining(folder) }),
  );
});

test("a pipe's name is the app's own and has no character of the identifier", () => {
  expect(pipeName("dev.erth.fake")).toMatch(/^\\\\\.\\pipe\\erth-[0-9a-f]{24}$/);
  expect(pipeName("a")).not.toBe(pipeName("b"));
});
