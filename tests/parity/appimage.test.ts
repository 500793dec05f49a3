/** Somebody else's readers judge the AppImage: squashfs-tools, 7-Zip, the kernel, libappimage, and the desktops' validators. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync, readFileSync, readdirSync, readlinkSync, utimesSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { APPIMAGE_HEAD_BYTES } from "../../build/formats/appimage.ts";
import { layoutSquashfs, type SquashfsEntry } from "../../build/formats/squashfs.ts";
import { squashfsChunks } from "../../build/formats/squashfs-stream.ts";
import { slugOf } from "../../build/config/slug.ts";
import { hostTarget } from "../../build/plan/target.ts";
import { IDENTIFIER, packageSmallApp, start } from "../integration/stub/small-app.ts";
import { scratchFolder } from "../support/scratch.ts";

const runs = (file: string, args: readonly string[]): boolean => spawnSync(file, args).error === undefined;
const isLinux = hostTarget()?.startsWith("linux-") === true;
const hasSquashfsTools = isLinux && runs("unsquashfs", ["-v"]) && runs("mksquashfs", ["-version"]);
const has7z = runs("7z", ["--help"]);
const hasValidators = runs("desktop-file-validate", ["--help"]) && runs("appstreamcli", ["--version"]);
const LIBAPPIMAGE = "libappimage.so.1.0abi1";
const hasLibappimage = spawnSync("python3", ["-c", `import ctypes; ctypes.CDLL("${LIBAPPIMAGE}")`]).status === 0;
const canMount =
  isLinux &&
  process.getuid?.() === 0 &&
  readFileSync("/proc/filesystems", "utf8").includes("squashfs") &&
  spawnSync("unshare", ["-m", "losetup", "-f"]).status === 0;

/** Every entry: kind, mode, size, time, and content or target. */
function dump(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .sort()
    .map((path) => {
      const stat = lstatSync(join(root, path));
      const about = stat.isSymbolicLink()
        ? `-> ${readlinkSync(join(root, path))}`
        : stat.isDirectory()
          ? "folder"
          : `${stat.size} ${createHash("sha256")
              .update(readFileSync(join(root, path)))
              .digest("hex")}`;
      const mode = stat.isSymbolicLink() ? "link" : (stat.mode & 0o777).toString(8);
      return `${path} ${mode} ${stat.mtime.toISOString()} ${about}`;
    });
}

function unsquashed(file: string, folder: string, offset = APPIMAGE_HEAD_BYTES): readonly string[] {
  execFileSync("unsquashfs", ["-q", "-n", "-o", String(offset), "-d", folder, file], { stdio: "pipe" });
  return dump(folder);
}

describe.skipIf(!hasSquashfsTools)("the AppDir (unsquashfs)", () => {
  test.each(["ERTH Assistant", "Éclair 2.0 — β", "日本語アプリ", `a.b c'd"e`])("of %s", async (name) => {
    const [place, app] = [
      await scratchFolder(),
      { name, slug: slugOf(name, IDENTIFIER), description: "It’s <one> line" },
    ];
    const { path } = await packageSmallApp({ format: "appimage", app });
    const entries = unsquashed(path, join(place, "theirs"));
    await start(path, ["--appimage-extract"], { HOME: place }, place);
    expect(dump(join(place, "squashfs-root"))).toEqual(entries);
    expect(entries.map((line) => line.split(" ")[0])).toContain(`${IDENTIFIER}.desktop`);
    const desktop = join(place, "theirs", `${IDENTIFIER}.desktop`);
    expect(readFileSync(desktop, "utf8")).toContain(`\nName=${name}\n`);
    if (!hasValidators) return;
    execFileSync("desktop-file-validate", ["--no-hints", desktop], { stdio: "pipe" });
    execFileSync("appstreamcli", ["validate-tree", "--no-net", join(place, "theirs")], { stdio: "pipe" });
  });

  test("of both processors lies where the head says", async () => {
    for (const target of ["linux-x64", "linux-arm64"] as const) {
      const { path } = await packageSmallApp({ format: "appimage", target });
      const listing = execFileSync("unsquashfs", ["-o", String(APPIMAGE_HEAD_BYTES), "-l", "-d", "", path]);
      expect(listing.toString().split("\n")).toContain("/AppRun");
    }
  });

  test.skipIf(!has7z)("7-Zip reads the same", async () => {
    const place = await scratchFolder();
    const { path } = await packageSmallApp({ format: "appimage" });
    execFileSync("7z", ["x", "-y", "-bd", `-o${join(place, "seven")}`, path], { stdio: "pipe" });
    const contents = (lines: readonly string[]): readonly string[] =>
      lines.map((line) => line.replace(/ [0-7]+ \S+Z /, " "));
    expect(contents(dump(join(place, "seven")))).toEqual(contents(unsquashed(path, join(place, "theirs"))));
  });

  test.skipIf(!canMount)("the kernel mounts it, and the AppRun in it starts the app", async () => {
    const place = await scratchFolder();
    const { path } = await packageSmallApp({ format: "appimage" });
    mkdirSync(join(place, "mounted"));
    const script = `
      mount -o loop,ro,offset=${APPIMAGE_HEAD_BYTES} "$1" "$2/mounted"
      cp -a "$2/mounted" "$2/kernel"
      "$2/mounted/AppRun" --erth-info`;
    const run = ["-m", "--propagation", "private", "sh", "-ec", script, "sh", path, place];
    const info: unknown = JSON.parse(execFileSync("unshare", run).toString());
    expect(info).toMatchObject({ identifier: IDENTIFIER, version: "1.2.3" });
    expect(dump(join(place, "kernel"))).toEqual(unsquashed(path, join(place, "theirs")));
  });
});

describe.skipIf(!hasSquashfsTools)("any tree, beside mksquashfs", () => {
  test("3,000 files, long names, links, empty folders and modes come out as from its image", async () => {
    const place = await scratchFolder();
    const at = new Date("2001-09-09T01:46:40Z");
    const root = join(place, "tree");
    const entries: SquashfsEntry[] = [];
    const folder = async (path: string, mode: number): Promise<void> => {
      entries.push({ kind: "folder", path, mode });
      await mkdir(join(root, path), { recursive: true });
      await chmod(join(root, path), mode);
    };
    const file = async (path: string, mode: number, content: Buffer): Promise<void> => {
      entries.push({ kind: "file", path, mode, content });
      await writeFile(join(root, path), content);
      await chmod(join(root, path), mode);
    };
    await mkdir(root);
    await folder("empty", 0o700);
    await folder("many", 0o755);
    for (let number = 0; number < 3000; number += 1) {
      await file(`many/${"n".repeat(180)} ${number} ü`, number % 2 ? 0o644 : 0o755, Buffer.from(`content ${number}`));
    }
    await folder("blocks", 0o755);
    for (const bytes of [0, 1, 131_071, 131_072, 131_073, 1_000_000]) {
      await file(`blocks/${bytes}`, 0o600, Buffer.alloc(bytes, String(bytes)));
    }
    entries.push({ kind: "link", path: "blocks/link", target: "../many/none 漢字" });
    execFileSync("ln", ["-s", "../many/none 漢字", join(root, "blocks/link")]);
    chmodSync(root, 0o755);
    for (const path of readdirSync(root, { recursive: true, encoding: "utf8" })) {
      if (!lstatSync(join(root, path)).isSymbolicLink()) utimesSync(join(root, path), at, at);
    }
    execFileSync("touch", ["-h", "-d", at.toISOString(), join(root, "blocks/link")]);
    const theirs = join(place, "theirs.squashfs");
    execFileSync("mksquashfs", [root, theirs, "-all-root", "-noappend", "-quiet", "-no-progress"], { stdio: "pipe" });

    const layout = layoutSquashfs(entries, { modifiedAt: at, imageOffset: 0 });
    const chunks: Uint8Array[] = [];
    const noStream = (path: string): never => {
      throw new Error(`${path} has no stream`);
    };
    for await (const chunk of squashfsChunks(layout, noStream)) chunks.push(chunk);
    const ours = join(place, "ours.squashfs");
    await writeFile(ours, Buffer.concat(chunks));

    const fromOurs = unsquashed(ours, join(place, "from-ours"), 0);
    expect(fromOurs).toHaveLength(3000 + 3 + 7);
    expect(fromOurs).toEqual(unsquashed(theirs, join(place, "from-theirs"), 0));
  });
});

describe.skipIf(!hasLibappimage)("libappimage, which desktops integrate AppImages with", () => {
  test("finds the image, its files, and registers the app with its icons", async () => {
    const home = await scratchFolder();
    const { path } = await packageSmallApp({ format: "appimage", app: { name: "Éclair 2.0 — β", slug: "eclair" } });
    const script = `
import ctypes, json, os, sys
library = ctypes.CDLL("${LIBAPPIMAGE}")
path = sys.argv[1].encode()
library.appimage_list_files.restype = ctypes.POINTER(ctypes.c_char_p)
library.appimage_get_payload_offset.restype = ctypes.c_long
names, listed = [], library.appimage_list_files(path)
while listed[len(names)]: names.append(listed[len(names)].decode())
answer = {"type": library.appimage_get_type(path, False), "offset": library.appimage_get_payload_offset(path), "names": names}
answer["registered"] = library.appimage_register_in_system(path, False)
print("\\n" + json.dumps(answer))`;
    const env = { ...process.env, HOME: home, XDG_DATA_HOME: join(home, "data"), XDG_CACHE_HOME: join(home, "cache") };
    const said = execFileSync("python3", ["-c", script, path], { env, stdio: "pipe" }).toString().trim();
    const answer: unknown = JSON.parse(said.split("\n").at(-1) ?? "");
    expect(answer).toMatchObject({ type: 2, offset: APPIMAGE_HEAD_BYTES, registered: 0 });
    expect(answer).toMatchObject({ names: expect.arrayContaining([".DirIcon", "AppRun"]) });
    const made = readdirSync(join(home, "data"), { recursive: true, encoding: "utf8" });
    const [desktop = ""] = made.filter((name) => name.endsWith(".desktop"));
    const entry = readFileSync(join(home, "data", desktop), "utf8");
    expect(entry).toContain("Name=Éclair 2.0 — β (1.2.3)\n");
    expect(entry).toContain(`Exec=${path}\n`);
    expect(made.filter((name) => name.endsWith(`_${IDENTIFIER}.png`))).toHaveLength(2);
  });
});
