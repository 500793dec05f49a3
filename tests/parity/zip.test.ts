/** Our zips, and archiver's, in the eyes of unzip, 7-Zip and Python. */
import { execFileSync } from "node:child_process";
import { chmod, lstat, open, readFile, readdir, readlink, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { digestPath, listTree } from "../../build/artifacts/digest.ts";
import { plainDeflate } from "../../build/formats/deflate-run.ts";
import { writeZip } from "../../build/formats/zip.ts";
import { type PackedEntry, writeZipFile } from "../../build/formats/zip-file.ts";
import { encodeDirectoryRecord, encodeLocalHeader, encodeZipEnd, ZIP_STORED } from "../../build/formats/zip-records.ts";
import { packageSmallApp } from "../integration/stub/small-app.ts";
import { APP_NAMES, listing, oddTree, writeThrough } from "../support/containers.ts";
import { scratchFolder } from "../support/scratch.ts";

const signal = new AbortController().signal;
const utf8 = { ...process.env, LC_ALL: "C.UTF-8" };
const BUNDLE = "Plain Nötes 漢字.app";

function has(tool: string, args: readonly string[]): boolean {
  try {
    execFileSync(tool, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function zipped() {
  return packageSmallApp({
    target: "darwin-arm64",
    parts: { "émoji 😀": "app code", "run it": "app code" },
    change: async (root) => {
      await writeFile(join(root, "émoji 😀"), Buffer.alloc(300_000, "content "));
      await writeFile(join(root, "run it"), "#!/bin/sh\n");
      await chmod(join(root, "run it"), 0o755);
      await symlink("../empty", join(root, "bin/to folder"));
      await symlink("nowhere/yet", join(root, "dangling"));
    },
  });
}

/** Names, kinds, executable bits, links and contents in one digest. */
async function treeDigest(folder: string): Promise<string> {
  return (await digestPath(folder)).sha256;
}

test.skipIf(!has("unzip", ["-v"]))("unzip gives back every file, mode and link", async () => {
  const { path, root } = await zipped();
  const to = await scratchFolder();
  execFileSync("unzip", ["-q", path, "-d", to], { env: { ...process.env, LC_ALL: "C.UTF-8" } });
  expect(await readdir(to)).toEqual([BUNDLE]);
  expect(await treeDigest(join(to, BUNDLE))).toBe(await treeDigest(root));
  expect(await readlink(join(to, BUNDLE, "bin/to folder"))).toBe("../empty");
  expect((await lstat(join(to, BUNDLE, "run it"))).mode & 0o777).toBe(0o755);
  expect((await lstat(join(to, BUNDLE, "émoji 😀"))).mode & 0o777).toBe(0o644);
  expect(() => execFileSync("unzip", ["-tq", path])).not.toThrow();
});

test.skipIf(!has("7z", ["i"]))("7z finds no fault and the same files", async () => {
  const { path, root } = await zipped();
  const to = await scratchFolder();
  expect(execFileSync("7z", ["t", path]).toString()).toContain("Everything is Ok");
  // Without -snld20 it refuses links with "..", which stay inside here.
  execFileSync("7z", ["x", "-y", "-snld20", `-o${to}`, path], {
    stdio: "ignore",
    env: { ...process.env, LC_ALL: "C.UTF-8" },
  });
  for (const name of ["bin/start", "émoji 😀"]) {
    expect(await readFile(join(to, BUNDLE, name))).toEqual(await readFile(join(root, name)));
  }
  expect(await readlink(join(to, BUNDLE, "bin/link"))).toBe("start");
});

test.skipIf(!has("python3", ["-c", "import zipfile"]))(
  "python's zipfile reads names, modes, links and dates",
  async () => {
    const { path } = await zipped();
    const script = `
import json, sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
print(json.dumps([[i.filename, oct(i.external_attr >> 16), list(i.date_time), z.read(i).decode() if i.file_size < 20 else ""] for i in z.infolist()]))`;
    const listed: unknown = JSON.parse(execFileSync("python3", ["-c", script, path]).toString());
    const date = [1980, 1, 1, 0, 0, 0];
    expect(listed).toEqual([
      [`${BUNDLE}/`, "0o40755", date, ""],
      [`${BUNDLE}/bin/`, "0o40755", date, ""],
      [`${BUNDLE}/bin/link`, "0o120777", date, "start"],
      [`${BUNDLE}/bin/start`, "0o100755", date, ""],
      [`${BUNDLE}/bin/to folder`, "0o120777", date, "../empty"],
      [`${BUNDLE}/dangling`, "0o120777", date, "nowhere/yet"],
      [`${BUNDLE}/empty/`, "0o40755", date, ""],
      [`${BUNDLE}/run it`, "0o100755", date, "#!/bin/sh\n"],
      [`${BUNDLE}/version 漢字.txt`, "0o100644", date, "1"],
      [`${BUNDLE}/émoji 😀`, "0o100644", date, ""],
    ]);
  },
);

/** Where a link leads is text to a zip, whatever it says. */
const LINKS: Readonly<Record<string, string>> = {
  absolute: "/Applications/Notes.app",
  "above all": "../../../outside",
  "as written": "a/../b/./c//d",
  日本語: "日本語/é̈ 😀",
  dangling: "nowhere/yet",
  "with a backslash": "a\\b",
  folder: "empty/",
  long: `${"x/".repeat(400)}y`,
};

const WRITERS = {
  "our writer": (path: string) => {
    const entries = Object.entries(LINKS).map(([name, target]): PackedEntry => ({ kind: "link", name, target }));
    return writeThrough(path, (sink) => writeZipFile(sink, entries, { deflate: plainDeflate(9), signal }));
  },
  archiver: async (path: string) => {
    const entries = Object.entries(LINKS).map(([name, target]) => ({ kind: "link", name, target }) as const);
    await writeZip(path, entries, { deflateLevel: 9, signal, onFile: () => undefined });
  },
} as const;

const allReaders = has("unzip", ["-v"]) && has("7z", ["i"]) && has("python3", ["-c", "import zipfile"]);

test.skipIf(!allReaders).for(Object.entries(WRITERS))(
  "every link of %s is what it was, for unzip, 7z and python",
  async ([, write]) => {
    const folder = await scratchFolder();
    const path = join(folder, "links.zip");
    await write(path);
    const script = `
import json, sys, zipfile
print(json.dumps({i.filename: z.read(i).decode() for z in [zipfile.ZipFile(sys.argv[1])] for i in z.infolist() if i.external_attr >> 16 == 0o120777}))`;
    expect(JSON.parse(execFileSync("python3", ["-c", script, path]).toString())).toEqual(LINKS);
    for (const [name, target] of Object.entries(LINKS)) {
      expect(execFileSync("7z", ["x", "-so", "-snld20", path, name], { env: utf8 }).toString()).toBe(target);
    }
    // unzip makes them: a link that leads out of the folder is made as it is, not followed.
    execFileSync("unzip", ["-q", path, "-d", folder], { env: utf8 });
    for (const [name, target] of Object.entries(LINKS)) expect(await readlink(join(folder, name))).toBe(target);
  },
);

test.skipIf(!allReaders).for(APP_NAMES)("3,000 files, long paths and empty folders of %j come back", async (name) => {
  const folder = await scratchFolder();
  const root = join(folder, "tree");
  await oddTree(root, name === APP_NAMES[0] ? 3000 : 10);
  const path = join(folder, "x.zip");
  await writeThrough(path, async (sink) =>
    writeZipFile(sink, await entriesOf(root, name), { deflate: plainDeflate(1), signal }),
  );
  execFileSync("unzip", ["-q", path, "-d", join(folder, "out")], { env: utf8 });
  expect(await listing(join(folder, "out", name))).toEqual(await listing(root));
  // Contents by their checksums.
  expect(execFileSync("7z", ["t", path]).toString()).toContain("Everything is Ok");
});

test.skipIf(!allReaders)("a file of 4.1 GB, and what lies behind it, is found by unzip, 7z and python", async () => {
  const path = join(await scratchFolder(), "x.zip");
  const bytes = 4_100_000_000;
  const plain = { method: ZIP_STORED, crc32: 0, mode: 0o100644 } as const;
  const large = { ...plain, name: "large", bytes, compressedBytes: bytes };
  const behind = { ...plain, name: "behind it", bytes: 0, compressedBytes: 0 };
  // The data is a hole in the file: the records are what matters.
  const header = encodeLocalHeader(large);
  const second = header.length + bytes;
  const offset = second + encodeLocalHeader(behind).length;
  const directory = Buffer.concat([encodeDirectoryRecord(large, 0), encodeDirectoryRecord(behind, second)]);
  const end = encodeZipEnd({ offset, length: directory.length, count: 2 });
  const file = await open(path, "w");
  await file.write(header, 0, header.length, 0);
  await file.write(Buffer.concat([encodeLocalHeader(behind), directory, end]), 0, undefined, second);
  await file.close();
  expect(execFileSync("unzip", ["-l", path]).toString()).toContain(`${bytes}  1980-01-01`);
  expect(execFileSync("7z", ["l", "-slt", path]).toString()).toContain(`Size = ${bytes}`);
  const script = `
import sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
print([i.file_size for i in z.infolist()], z.read("behind it"), z.open("large").read(4))`;
  expect(execFileSync("python3", ["-c", script, path]).toString()).toBe(`[${bytes}, 0] b'' b'\\x00\\x00\\x00\\x00'\n`);
});

async function entriesOf(root: string, name: string): Promise<readonly PackedEntry[]> {
  const entries: PackedEntry[] = [{ kind: "folder", name }];
  for (const entry of await listTree(root)) {
    const inner = { name: `${name}/${entry.path}` };
    if (entry.kind === "folder") entries.push({ kind: "folder", ...inner });
    else if (entry.kind === "link") entries.push({ kind: "link", ...inner, target: entry.link ?? "" });
    else
      entries.push({
        kind: "file",
        ...inner,
        file: join(root, entry.path),
        bytes: entry.bytes,
        isExecutable: entry.isExecutable,
      });
  }
  return entries;
}
