import { execFileSync } from "node:child_process";
import { chmod, lstat, readFile, readdir, readlink, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { digestPath } from "../../build/artifacts/digest.ts";
import { packageSmallApp } from "../integration/stub/small-app.ts";
import { scratchFolder } from "../support/scratch.ts";

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
