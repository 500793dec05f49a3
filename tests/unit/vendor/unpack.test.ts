import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix, resolve, sep } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { entryRefusal, unpack } from "../../../build/vendor/unpack.ts";
import { type Entry, tarball } from "./tarball.ts";

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "erth-unpack-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function unpacked(bytes: Uint8Array, strip: 0 | 1 = 0): Promise<string> {
  const root = scratch();
  const archive = join(root, "archive.tar.gz");
  writeFileSync(archive, bytes);
  const folder = join(root, "inner", "out");
  await unpack({ name: "core", archive, folder, strip, signal: new AbortController().signal });
  return folder;
}

test("files, folders, modes and links arrive as they are, whatever the umask", async () => {
  const before = process.umask(0o077);
  onTestFinished(() => void process.umask(before));
  const folder = await unpacked(
    tarball([
      { path: "package/", type: "Directory" },
      { path: "package/bin/node", body: "node", mode: 0o777 },
      { path: "package/README", body: "read", mode: 0o600 },
      { path: "package/lib/self", type: "SymbolicLink", linkpath: "../bin/node" },
      { path: "package/same", type: "Link", linkpath: "package/bin/node" },
    ]),
    1,
  );
  expect(statSync(join(folder, "bin/node")).mode & 0o7777).toBe(0o755);
  expect(statSync(join(folder, "README")).mode & 0o7777).toBe(0o644);
  expect(statSync(join(folder, "bin")).mode & 0o7777).toBe(0o755);
  expect(readlinkSync(join(folder, "lib/self"))).toBe("../bin/node");
  expect(readFileSync(join(folder, "same"), "utf8")).toBe("node");
});

const hostile: readonly (readonly [string, Entry, string])[] = [
  ["a path with ..", { path: "a/../../evil" }, "leaves the folder"],
  ["an absolute path", { path: "/tmp/evil" }, "leaves the folder"],
  ["a drive path", { path: "C:/evil" }, "leaves the folder"],
  ["a backslash path", { path: "a\\..\\..\\evil" }, "leaves the folder"],
  ["a symbolic link upwards", { path: "a/l", type: "SymbolicLink", linkpath: "../../evil" }, "outside"],
  ["an absolute symbolic link", { path: "l", type: "SymbolicLink", linkpath: "/etc/passwd" }, "outside"],
  ["a drive symbolic link", { path: "l", type: "SymbolicLink", linkpath: "C:\\Windows" }, "outside"],
  ["a hard link upwards", { path: "a/l", type: "Link", linkpath: "../evil" }, "outside"],
  ["an absolute hard link", { path: "l", type: "Link", linkpath: "/etc/passwd" }, "outside"],
  ["a hard link to nothing", { path: "l", type: "Link", linkpath: "nothing" }, "no earlier file"],
  // These made the reader wait for itself for ever.
  ["a link below its own target", { path: "a/l", type: "SymbolicLink", linkpath: "a" }, "inside each other"],
  ["a link to below itself", { path: "a", type: "SymbolicLink", linkpath: "a/a" }, "inside each other"],
  ["a path with a dot member", { path: "a/.", type: "SymbolicLink", linkpath: "b" }, "members"],
  ["a path with an empty member", { path: "a//b" }, "members"],
  ["a character device", { path: "null", type: "CharacterDevice" }, "CharacterDevice"],
  ["a block device", { path: "disk", type: "BlockDevice" }, "BlockDevice"],
  ["a pipe", { path: "pipe", type: "FIFO" }, "FIFO"],
];

test.each(hostile)("%s is refused, and with it the whole archive", async (_, entry, reason) => {
  await expect(unpacked(tarball([{ path: "ok", body: "ok" }, entry]))).rejects.toMatchObject({
    code: "VENDOR_ARCHIVE",
    message: expect.stringContaining(reason),
  });
});

test("a file behind a symbolic link of the same archive is refused", async () => {
  const bytes = tarball([
    { path: "a/", type: "Directory" },
    { path: "l", type: "SymbolicLink", linkpath: "a" },
    { path: "l/evil", body: "evil" },
  ]);
  await expect(unpacked(bytes)).rejects.toMatchObject({ code: "VENDOR_ARCHIVE" });
});

test("an archive made by `tar .` is unpacked like any other", async () => {
  const folder = await unpacked(
    tarball([
      { path: "./", type: "Directory" },
      { path: "./bin/", type: "Directory" },
      { path: "./bin/bun", body: "bun", mode: 0o755 },
      { path: "./again", type: "Link", linkpath: "./bin/bun" },
    ]),
  );
  expect(readdirSync(folder).sort()).toEqual(["again", "bin"]);
});

test("a file beside the folder that is to be dropped is refused, not lost", async () => {
  await expect(unpacked(tarball([{ path: "package/a" }, { path: "loose" }]), 1)).rejects.toMatchObject({
    code: "VENDOR_ARCHIVE",
    message: expect.stringContaining("loose"),
  });
});

test("a link may not climb over the dropped first folder", () => {
  const link = { type: "SymbolicLink", linkpath: "../other/x" } as const;
  expect(entryRefusal("package/l", link, 1)).toContain("outside");
  expect(entryRefusal("package/l", link, 0)).toBeUndefined();
});

test("damage is refused: not gzip, not tar, empty, or with a wrong checksum", async () => {
  const whole = tarball([{ path: "ok", body: "ok" }]);
  const raw = Buffer.from(gunzipSync(whole));
  raw.write("X", 0);
  for (const bytes of [Buffer.from("hello"), Buffer.alloc(0), gzipSync(Buffer.alloc(1024)), gzipSync(raw)]) {
    await expect(unpacked(bytes)).rejects.toMatchObject({ code: "VENDOR_ARCHIVE" });
  }
});

test("an archive cut anywhere before its end is refused, never half-unpacked in silence", async () => {
  const body = Buffer.from(Array.from({ length: 3000 }, (_, at) => (at * at * 31) & 0xff));
  const whole = tarball([
    { path: "a", body },
    { path: "b", body },
  ]);
  for (let length = 0; length < whole.length - 30; length += 97) {
    await expect(unpacked(whole.subarray(0, length)), `cut at ${length}`).rejects.toMatchObject({
      code: "VENDOR_ARCHIVE",
    });
  }
});

test("whatever paths and links an archive has, nothing is written outside its folder", async () => {
  const member = fc.constantFrom("a", "b", "..", ".", "", "l", "C:", "\\", "é");
  const path = fc.array(member, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/") || "x");
  const entry = fc.record({
    path,
    type: fc.constantFrom("File", "SymbolicLink", "Link", "Directory"),
    linkpath: path,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 4 }), async (entries) => {
      const root = scratch();
      const archive = join(root, "archive.tar.gz");
      writeFileSync(
        archive,
        tarball(entries.map(({ linkpath, ...rest }) => (rest.type.endsWith("Link") ? { ...rest, linkpath } : rest))),
      );
      const folder = join(root, "x/y/out");
      await unpack({ name: "core", archive, folder, strip: 0, signal: new AbortController().signal }).catch(
        (error: unknown) => expect(error).toMatchObject({ code: "VENDOR_ARCHIVE" }),
      );
      expect(readdirSync(root).sort()).toEqual(["archive.tar.gz", "x"]);
      expect(readdirSync(join(root, "x"))).toEqual(["y"]);
      expect(readdirSync(join(root, "x/y"))).toEqual(["out"]);
      for (const found of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (!found.isSymbolicLink()) continue;
        const target = resolve(found.parentPath, readlinkSync(join(found.parentPath, found.name)));
        expect(target === folder || target.startsWith(folder + sep)).toBe(true);
      }
    }),
    { numRuns: 60 },
  );
});

test("the rule for a link agrees with the file system's own way of resolving it", () => {
  const part = fc.constantFrom("a", "b", "..", ".", "c");
  const parts = fc.array(part, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(parts, parts, (from, to) => {
      const path = from.filter((one) => !one.startsWith(".")).join("/") || "a";
      const linkpath = to.join("/");
      const refused = entryRefusal(path, { type: "SymbolicLink", linkpath }, 0)?.includes("outside") ?? false;
      const reached = posix.resolve("/root", posix.dirname(path), linkpath);
      expect(refused).toBe(!(reached === "/root" || reached.startsWith("/root/")));
    }),
  );
});
