import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { appFolders, createFolders } from "../../../../runtime/base/folders.ts";

const id = "dev.erth.fake";

test("Linux follows the XDG specification, empty and relative values count as unset", () => {
  const around = { platform: "linux", home: "/home/me", env: {} } as const;
  expect(appFolders(id, around)).toEqual({
    data: `/home/me/.local/share/${id}`,
    cache: `/home/me/.cache/${id}`,
    logs: `/home/me/.local/state/${id}/logs`,
  });
  const env = { XDG_DATA_HOME: "/d", XDG_CACHE_HOME: "", XDG_STATE_HOME: "rel" };
  expect(appFolders(id, { ...around, env })).toMatchObject({ data: `/d/${id}`, cache: `/home/me/.cache/${id}` });
});

test("macOS uses Library", () => {
  expect(appFolders(id, { platform: "darwin", home: "/Users/me", env: {} })).toEqual({
    data: `/Users/me/Library/Application Support/${id}`,
    cache: `/Users/me/Library/Caches/${id}`,
    logs: `/Users/me/Library/Logs/${id}`,
  });
});

test("Windows keeps all three under LOCALAPPDATA", () => {
  const folders = appFolders(id, { platform: "win32", home: "/u", env: { LOCALAPPDATA: "/local" } });
  expect(Object.values(folders)).toEqual([`/local/${id}/data`, `/local/${id}/cache`, `/local/${id}/logs`]);
});

test("ERTH_HOME moves all three on every OS", () => {
  for (const platform of ["linux", "darwin", "win32"] as const) {
    expect(appFolders(id, { platform, home: "/h", env: { ERTH_HOME: "/p" } }).data).toBe("/p/data");
  }
});

test("folders are made private, and a file in the way is an error with its remedy", () => {
  const root = mkdtempSync(join(tmpdir(), "folders-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const folders = { data: join(root, "a", "data"), cache: join(root, "a", "cache"), logs: join(root, "a", "logs") };
  createFolders(folders);
  createFolders(folders);
  for (const folder of Object.values(folders)) expect(statSync(folder).mode & 0o777).toBe(0o700);
  writeFileSync(join(root, "file"), "");
  expect(() => createFolders({ ...folders, data: join(root, "file", "data") })).toThrow(
    expect.objectContaining({ code: "FOLDER_NOT_WRITABLE", remedy: expect.stringContaining("ERTH_HOME") }),
  );
});
