import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openLogFiles } from "../../../../runtime/supervisor/log-files.ts";

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "log-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

const limits = { bytes: 1000, files: 3, lines: 4 };
const at = (): number => Date.UTC(2026, 0, 2, 3, 4, 5, 6);

test("a line has its time and its stream, and the file is the user's alone", () => {
  const folder = newFolder();
  const logs = openLogFiles(folder, limits, at);
  logs.write("out", "hello");
  logs.write("err", "空");
  expect(readFileSync(join(folder, "app.log"), "utf8")).toBe(
    "2026-01-02T03:04:05.006Z out hello\n2026-01-02T03:04:05.006Z err 空\n",
  );
  expect(statSync(join(folder, "app.log")).mode & 0o777).toBe(0o600);
  logs.close();
});

test("files rotate by size, the newest keeps its name, and no more than the limit stay", () => {
  const folder = newFolder();
  const logs = openLogFiles(folder, limits, at);
  for (let number = 0; number < 100; number += 1) logs.write("out", `line ${number} ${"x".repeat(50)}`);
  logs.close();
  expect(readdirSync(folder).sort()).toEqual(["app.log", "app.log.1", "app.log.2"]);
  for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(1000);
  const text = ["app.log.2", "app.log.1", "app.log"].map((name) => readFileSync(join(folder, name), "utf8")).join("");
  const numbers = [...text.matchAll(/line (\d+)/g)].map((match) => Number(match[1]));
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => 100 - numbers.length + index));
});

test("a second run goes on in the same file", () => {
  const folder = newFolder();
  for (const word of ["one", "two"]) {
    const logs = openLogFiles(folder, limits, at);
    logs.write("app", word);
    logs.close();
  }
  expect(readFileSync(join(folder, "app.log"), "utf8")).toMatch(/one\n.*two\n$/);
});

test("a line longer than a file gets a file of its own", () => {
  const folder = newFolder();
  const logs = openLogFiles(folder, limits, at);
  for (const letter of ["a", "b"]) logs.write("out", letter.repeat(3000));
  logs.close();
  expect(statSync(join(folder, "app.log.1")).size).toBeGreaterThan(3000);
});

test("the newest lines stay in memory", () => {
  const logs = openLogFiles(newFolder(), limits, at);
  for (let number = 0; number < 10; number += 1) logs.write("out", `${number}`);
  expect(logs.last().map((line) => line.at(-1))).toEqual(["6", "7", "8", "9"]);
  logs.close();
});

test.skipIf(process.platform !== "linux")(
  "a full disk (/dev/full) costs lines on disk only, is said once, and is tried again",
  () => {
    const folder = newFolder();
    symlinkSync("/dev/full", join(folder, "app.log"));
    const clock = { nowMs: at() };
    const logs = openLogFiles(folder, { ...limits, lines: 50 }, () => clock.nowMs);
    for (let number = 0; number < 10; number += 1) logs.write("out", `${number}`);
    expect(logs.last().filter((line) => line.includes("cannot be written"))).toEqual([
      expect.stringContaining("ENOSPC"),
    ]);
    expect(logs.last()).toHaveLength(11);
    rmSync(join(folder, "app.log"));
    clock.nowMs += 6000;
    logs.write("out", "back");
    logs.close();
    expect(readFileSync(join(folder, "app.log"), "utf8")).toContain("out back\n");
  },
);

test("a log folder that is a file, or is gone, is no error", () => {
  const folder = newFolder();
  writeFileSync(join(folder, "file"), "");
  for (const path of [join(folder, "file"), join(folder, "gone", "deep")]) {
    const logs = openLogFiles(path, limits, at);
    logs.write("out", "kept");
    expect(logs.last()[0]).toContain("kept");
    logs.close();
  }
});

test("a rotation that fails keeps the lines in memory", () => {
  const folder = newFolder();
  mkdirSync(join(folder, "app.log.1", "in the way"), { recursive: true });
  mkdirSync(join(folder, "app.log.2", "in the way"), { recursive: true });
  const logs = openLogFiles(folder, limits, at);
  for (const letter of ["a", "b"]) logs.write("out", letter.repeat(900));
  expect(logs.last().at(-2)).toContain("bbb");
  expect(logs.last().at(-1)).toContain("cannot be written");
  logs.close();
});
