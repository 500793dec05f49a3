import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { keepAddon } from "../../../runtime/sidecar-native/addon-cache.ts";

const root = mkdtempSync(join(tmpdir(), "erth addon ünïcödé 日本-"));
afterAll(() => rmSync(root, { recursive: true }));

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(root, "cache-"));
});

const addon = (text: string) => {
  const bytes = Buffer.from(text);
  return { bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
};
const isWindows = process.platform === "win32";

test("an addon is written once, whole, into a private folder named by its digest", () => {
  const one = addon("machine code");
  const path = keepAddon(cache, "libsql", one);
  expect(path).toBe(join(cache, "natives", one.sha256, "libsql.node"));
  expect(readFileSync(path)).toEqual(one.bytes);
  expect(readdirSync(dirname(path))).toEqual(["libsql.node"]);
  if (!isWindows) expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);

  const { ino, mtimeMs } = statSync(path);
  expect(keepAddon(cache, "libsql", one)).toBe(path);
  expect(statSync(path)).toMatchObject({ ino, mtimeMs });
});

test("two versions lie side by side", () => {
  const paths = [addon("version 1"), addon("version 2")].map((one) => keepAddon(cache, "libsql", one));
  expect(new Set(paths).size).toBe(2);
  expect(paths.map((path) => readFileSync(path, "utf8"))).toEqual(["version 1", "version 2"]);
});

test("a file that is cut short, changed or a link is replaced", () => {
  const one = addon("machine code");
  const path = keepAddon(cache, "libsql", one);
  truncateSync(path, 3);
  expect(readFileSync(keepAddon(cache, "libsql", one))).toEqual(one.bytes);
  writeFileSync(path, "machine c0de");
  expect(readFileSync(keepAddon(cache, "libsql", one))).toEqual(one.bytes);
  rmSync(path);
  writeFileSync(join(cache, "elsewhere"), one.bytes);
  symlinkSync(join(cache, "elsewhere"), path);
  keepAddon(cache, "libsql", one);
  expect(statSync(path).ino).not.toBe(statSync(join(cache, "elsewhere")).ino);
});

test.skipIf(isWindows)("POSIX: a folder that others may write is made private again", () => {
  const one = addon("machine code");
  const folder = dirname(keepAddon(cache, "libsql", one));
  chmodSync(folder, 0o777);
  keepAddon(cache, "libsql", one);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
});

test.skipIf(isWindows)("POSIX: a folder that is a link is refused", () => {
  const one = addon("machine code");
  mkdirSync(join(cache, "natives"));
  mkdirSync(join(cache, "theirs"));
  symlinkSync(join(cache, "theirs"), join(cache, "natives", one.sha256));
  expect(() => keepAddon(cache, "libsql", one)).toThrow(expect.objectContaining({ code: "NATIVE_CACHE_FOREIGN" }));
  expect(readdirSync(join(cache, "theirs"))).toEqual([]);
});

test("a cache that cannot be made is an error with its remedy", () => {
  const file = join(cache, "a file");
  writeFileSync(file, "");
  expect(() => keepAddon(file, "libsql", addon("x"))).toThrow(
    expect.objectContaining({ code: "NATIVE_CACHE_UNWRITABLE", remedy: expect.stringContaining("ERTH_HOME") }),
  );
});

test("unpacking a new version removes those not unpacked for a month, and only those", () => {
  const [old, recent] = [addon("old"), addon("recent")].map((one) => dirname(keepAddon(cache, "libsql", one)));
  const twoMonthsAgo = Date.now() / 1000 - 60 * 24 * 3600;
  utimesSync(old!, twoMonthsAgo, twoMonthsAgo);
  keepAddon(cache, "libsql", addon("new"));
  expect([existsSync(old!), existsSync(recent!)]).toEqual([false, true]);
});
