import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { ErthError } from "../../../runtime/base/errors.ts";
import { type Lock, parseLock, readLock, renderLock, writeLock } from "../../../build/vendor/lock.ts";

const INTEGRITY = `sha512-${"A".repeat(86)}==`;
const good: Lock = {
  version: 1,
  entries: {
    webview: { source: "npm", package: "webview-bun", version: "2.4.0", integrity: INTEGRITY },
    "bun/linux-x64": { version: "1.3.13", source: "npm", integrity: INTEGRITY, package: "@oven/bun-linux-x64" },
    "electrobun-core/linux-x64": { source: "archive", url: "https://example.org/core.tar.gz", sha256: null },
    "electrobun-core/win32-x64": {
      source: "archive",
      url: "https://example.org/win.tar.gz",
      sha256: "0f".repeat(32),
      bytes: 12,
    },
  },
};

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "erth-lock-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("rendering is canonical and is read back as it was", () => {
  const text = renderLock(good);
  expect(parseLock(text, "erth.lock.json")).toEqual(good);
  expect(renderLock(parseLock(text, "erth.lock.json"))).toBe(text);
  expect(text).toMatch(/^\{\n {2}"entries": \{\n {4}"bun\/linux-x64": \{\n {6}"integrity"/);
  const reversed: Lock = { version: 1, entries: Object.fromEntries(Object.entries(good.entries).reverse()) };
  expect(renderLock(reversed)).toBe(text);
});

const entry = (fields: object): object => ({
  version: 1,
  entries: { webview: { ...good.entries.webview, ...fields } },
});
const archive = (fields: object): object => ({
  version: 1,
  entries: { core: { source: "archive", url: "https://example.org/a.tar.gz", sha256: null, ...fields } },
});

test.each([
  ["an unknown version", { ...good, version: 2 }, "version"],
  ["an unknown key", { ...good, extra: 1 }, "extra"],
  ["a list", [], "expected"],
  ["a name that climbs", { version: 1, entries: { "../x": good.entries.webview } }, "entry name"],
  ["a name that is a path", { version: 1, entries: { "/etc": good.entries.webview } }, "entry name"],
  ["a version range", entry({ version: "^2.4.0" }), "exact version"],
  ["a package that is a URL", entry({ package: "https://evil.example/x.tgz" }), "package name"],
  ["a package that is a path", entry({ package: "../../x" }), "package name"],
  ["a sha1 integrity", entry({ integrity: "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=" }), "sha512"],
  ["an empty integrity", entry({ integrity: "" }), "sha512"],
  ["an unknown source", entry({ source: "git" }), "source"],
  ["a file URL", archive({ url: "file:///etc/passwd" }), "http"],
  ["a short digest", archive({ sha256: "0f" }), "SHA-256"],
  ["an upper-case digest", archive({ sha256: "0F".repeat(32) }), "SHA-256"],
  ["a size of zero", archive({ sha256: "0f".repeat(32), bytes: 0 }), "bytes"],
])("%s is refused by name", (_, json, word) => {
  expect(() => parseLock(JSON.stringify(json), "/app/erth.lock.json")).toThrow(
    expect.objectContaining({ code: "LOCK_INVALID", message: expect.stringContaining(word) }),
  );
});

test("all faults of a lock are told at once, each with its place and what to type", () => {
  const faults = { version: 1, entries: { webview: { ...good.entries.webview, version: "2", integrity: "x" } } };
  expect(() => parseLock(JSON.stringify(faults), "/app/erth.lock.json")).toThrow(
    expect.objectContaining({
      problems: [
        expect.objectContaining({
          message: expect.stringContaining("entries.webview.version"),
          remedy: expect.stringContaining("erth lock"),
        }),
        expect.objectContaining({ message: expect.stringContaining("entries.webview.integrity") }),
      ],
    }),
  );
});

test("a lock that is cut anywhere is refused, never half-read", () => {
  const text = renderLock(good);
  for (let length = 0; length < text.length - 1; length += 1) {
    expect(() => parseLock(text.slice(0, length), "erth.lock.json")).toThrow(ErthError);
  }
});

test("any text either is a lock that renders to itself, or is refused with LOCK_INVALID", () => {
  const check = (text: string): void => {
    let lock: Lock;
    try {
      lock = parseLock(text, "erth.lock.json");
    } catch (error) {
      expect(error).toMatchObject({ code: "LOCK_INVALID" });
      return;
    }
    expect(parseLock(renderLock(lock), "erth.lock.json")).toEqual(lock);
  };
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), check));
  // One damaged character of a real lock.
  const text = renderLock(good);
  const damage = fc.tuple(fc.nat(text.length - 1), fc.string({ minLength: 1, maxLength: 3 }));
  fc.assert(fc.property(damage, ([at, by]) => check(text.slice(0, at) + by + text.slice(at + 1))));
});

test("a missing lock says how to make one", async () => {
  await expect(readLock(join(scratch(), "erth.lock.json"))).rejects.toMatchObject({
    code: "LOCK_MISSING",
    remedy: "erth lock",
  });
});

test("writing replaces the lock whole and leaves nothing beside it", async () => {
  const folder = scratch();
  const path = join(folder, "erth.lock.json");
  writeFileSync(path, "old");
  await writeLock(path, good);
  expect(readFileSync(path, "utf8")).toBe(renderLock(good));
  expect(readdirSync(folder)).toEqual(["erth.lock.json"]);
  expect(await readLock(path)).toEqual(good);
});

test("a lock that cannot be written is reported with its path", async () => {
  const folder = scratch();
  writeFileSync(join(folder, "file"), "");
  const path = join(folder, "file", "erth.lock.json");
  await expect(writeLock(path, good)).rejects.toMatchObject({
    code: "LOCK_NOT_WRITABLE",
    message: expect.stringContaining(path),
  });
});
