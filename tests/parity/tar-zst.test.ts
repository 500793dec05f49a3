/** GNU tar, libarchive and 7-Zip unpack the portable folder, and it starts from wherever it lies. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename, symlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { digestPath } from "../../build/artifacts/digest.ts";
import { scratchFolder } from "../support/scratch.ts";
import { hardTree, has, NAMES, packageFor, run } from "../support/small-packages.ts";

const FOLDER = "plain-notes-1.2.3";
const hasZstd = has("tar", "zstd");

const READERS = [
  { name: "GNU tar", isHere: hasZstd, unpack: unpackWithTar },
  {
    name: "bsdtar",
    isHere: has("bsdtar"),
    unpack: (file: string, to: string) => run("bsdtar", ["-x", "-f", file, "-C", to]),
  },
  {
    name: "zstd and 7-Zip",
    isHere: has("zstd", "7z"),
    unpack(file: string, to: string) {
      run("zstd", ["-q", "-d", file, "-o", join(to, "x.tar")]);
      return run("7z", ["x", "-y", "-bd", "-snld20", `-o${to}`, join(to, "x.tar")]);
    },
  },
] as const;

function unpackWithTar(file: string, to: string): string {
  return run("tar", ["-x", "--zstd", "-f", file, "-C", to]);
}

for (const reader of READERS) {
  test.skipIf(!reader.isHere)(`${reader.name} gives back the tree`, { timeout: 120_000 }, async () => {
    const { path, root } = await packageFor("tar.zst", hardTree(reader.name === "GNU tar" ? 3000 : 100));
    const to = await scratchFolder();
    reader.unpack(path, to);
    expect((await digestPath(join(to, FOLDER, "lib/plain-notes"))).sha256).toBe((await digestPath(root)).sha256);
  });
}

test.skipIf(!hasZstd)("it starts from any folder, also through a link, as its launch facts say", async () => {
  const { path } = await packageFor("tar.zst");
  const folder = await scratchFolder();
  unpackWithTar(path, folder);
  const moved = join(folder, "else where's");
  await rename(join(folder, FOLDER), moved);
  await mkdir(join(folder, "home/bin"), { recursive: true });
  const link = join(folder, "home/bin/notes");
  await symlink(join(moved, "bin/plain-notes"), link);
  for (const program of [join(moved, "bin/plain-notes"), link]) {
    const { status, stdout, stderr } = spawnSync(program, ["a b", "$HOME", ""], { encoding: "utf8", cwd: "/" });
    expect(stderr).toBe("");
    expect(status).toBe(7);
    expect(stdout.split("\n").slice(1)).toEqual([
      `cwd ${moved}/lib/plain-notes/bin`,
      "file ",
      "own set by launch",
      "arg --own",
      "arg a b",
      "arg $HOME",
      "arg ",
      "",
    ]);
  }
});

test.skipIf(!hasZstd || !has("desktop-file-validate") || !has("appstreamcli"))(
  "desktops and software centres take what they are told",
  { timeout: 60_000 },
  async () => {
    for (const name of NAMES) {
      const { path } = await packageFor("tar.zst", {
        name,
        linux: {
          categories: ["Office", "Utility"],
          keywords: ["semi;colon", "notes"],
          homepage: "https://example.com/?a=1&b=2",
          protocols: ["notes"],
          fileTypes: [
            { mimeType: "application/vnd.example.notes", extensions: ["notes"], description: "<Notes> & more" },
          ],
        },
      });
      const folder = await scratchFolder();
      run("tar", ["-x", "--zstd", "--strip-components=1", "-f", path, "-C", folder]);
      const id = "dev.example.notes";
      expect(
        run("desktop-file-validate", ["--no-hints", "--warn-kde", join(folder, `share/applications/${id}.desktop`)]),
      ).toBe("");
      const metainfo = join(folder, `share/metainfo/${id}.metainfo.xml`);
      expect(run("appstreamcli", ["validate", "--no-net", metainfo])).toContain("Validation was successful");
      for (const size of [32, 256]) {
        expect(existsSync(join(folder, `share/icons/hicolor/${size}x${size}/apps/${id}.png`))).toBe(true);
      }
      if (has("update-mime-database")) {
        run("update-mime-database", [join(folder, "share/mime")]);
        expect(existsSync(join(folder, "share/mime/application/vnd.example.notes.xml"))).toBe(true);
      }
    }
  },
);
