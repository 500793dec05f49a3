/**
 * Our disk images in the eyes of readers that share no code with us: 7-Zip,
 * QEMU's image reader, dmg2img, the Linux kernel, ds_store and mac_alias,
 * ImageMagick, relic and rcodesign.
 *
 * Allowed differences: 7-Zip turns an absolute link into one inside the folder
 * it unpacks to; Linux composes names as it lists them.
 */
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { chmod, lstat, mkdir, mkdtemp, open, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listTree, sha256OfFile } from "../../build/artifacts/digest.ts";
import { openPieces } from "../../build/artifacts/pieces.ts";
import type { Part, ResolvedConfig } from "../../build/config/resolved-config.ts";
import { resolveDmg } from "../../build/config/package/dmg.ts";
import { rangeOfBytes } from "../../build/formats/byte-range.ts";
import { openUdif } from "../../build/formats/udif-reader.ts";
import type { Pieces } from "../../build/stages/stage.ts";
import { signDmg } from "../../signing/apple/dmg.ts";
import { appleAuthority, TEAM_ID } from "../fakes/certificate-authority.ts";
import { packageSmallApp, type PackagedApp } from "../integration/stub/small-app.ts";
import { scratchFolder } from "../support/scratch.ts";
import { hasLinuxHfsPlus, mountInLinux, type MountedEntry } from "./linux-hfsplus.ts";
import { findCiTool, findTool, runTool } from "./signing/apple/apple-tools.ts";

const sevenZip = findTool("7z");
const qemuImg = findTool("qemu-img");
const dmg2img = findTool("dmg2img");
const identify = findTool("identify");
const relic = findTool("relic");
const rcodesign = findTool("rcodesign");
const python = findCiTool("ds-store-1.3.3/bin/python");

let cache: string;
let pieces: Pieces;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), "erth-pieces-"));
  pieces = await openPieces(cache);
});
afterAll(() => rm(cache, { recursive: true, force: true }));

const NAMES = ["ERTH Assistant", "Éclair 2.0 — β", "日本語アプリ", `a.b c'd"e`];

function packed(compression: "lzma" | "zlib"): Partial<ResolvedConfig["package"]> {
  return { compression: "best", dmg: resolveDmg({ compression }, (path) => path) };
}

/** A small app of this name; `isLarge` for thousands of files and everything else that may be in one. */
async function image(name: string, compression: "lzma" | "zlib", isLarge = false): Promise<PackagedApp> {
  const parts: Record<string, Part> = {
    "Contents/MacOS/run": "shell runtime",
    "Contents/Resources/AppIcon.icns": "app code",
  };
  const files = isLarge ? 3000 : 5;
  const change = async (root: string): Promise<void> => {
    await mkdir(join(root, "Contents/MacOS"), { recursive: true });
    await mkdir(join(root, "Contents/Resources/many"), { recursive: true });
    await writeFile(join(root, "Contents/MacOS/run"), Buffer.alloc(isLarge ? 1_500_000 : 70_000, "machine code"));
    await chmod(join(root, "Contents/MacOS/run"), 0o755);
    await writeFile(join(root, "Contents/Resources/AppIcon.icns"), "icns");
    await symlink("../MacOS/run", join(root, "Contents/Resources/to the program"));
    for (let at = 0; at < files; at += 1) {
      const path = `Contents/Resources/many/${at % 2 ? "Ö" : "o"} ${(at * 7919) % files} Файл ガ`;
      await writeFile(join(root, path), `${at}`.repeat(at % 700));
      parts[path] = "app code";
    }
    if (!isLarge) return;
    const deep = `Contents/Resources/${"ordner/".repeat(20)}${"n".repeat(200)}`;
    await mkdir(join(root, deep), { recursive: true });
    await writeFile(join(root, deep, "é".repeat(80)), "at the end of a path of 500 characters");
    parts[`${deep}/${"é".repeat(80)}`] = "app code";
    await mkdir(join(root, "Contents/Resources/empty folder"));
  };
  return packageSmallApp({
    target: "darwin-arm64",
    format: "dmg",
    bundleName: `${name}.app`,
    parts,
    change,
    package: packed(compression),
    pieces,
  });
}

/** The app as it was staged, the way a mounted volume would show it. */
async function staged(root: string, bundle: string): Promise<readonly MountedEntry[]> {
  const entries = await Promise.all(
    (await listTree(root)).map(async ({ path, kind, isExecutable, link }): Promise<MountedEntry> => ({
      path: `${bundle}/${path}`.normalize(),
      kind,
      mode: kind === "file" && !isExecutable ? 0o644 : 0o755,
      content: kind === "file" ? await sha256OfFile(join(root, path)) : (link ?? ""),
    })),
  );
  return sorted(entries);
}

function sorted(entries: readonly MountedEntry[]): readonly MountedEntry[] {
  return entries
    .map((entry) => ({ ...entry, path: entry.path.normalize() }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Only what is the app's own. */
function ofApp(entries: readonly MountedEntry[], bundle: string): readonly MountedEntry[] {
  return sorted(entries).filter(({ path }) => path.startsWith(`${bundle.normalize()}/`));
}

/** The sectors of an image, by our own reader. */
async function rawOf(path: string): Promise<Buffer> {
  const { sectors } = await openUdif(rangeOfBytes(await readFile(path)));
  return Buffer.from(await sectors.read(0, sectors.size));
}

test.skipIf(sevenZip === undefined).each(NAMES)(
  "7-Zip finds no fault in %s, and every path, mode, link and digest",
  async (name) => {
    const { path, root } = await image(name, name === NAMES[0] ? "lzma" : "zlib", name === NAMES[1]);
    const folder = await scratchFolder();
    const env = { ...process.env, LC_ALL: "C.UTF-8" };
    expect(execFileSync("7z", ["t", path], { env }).toString()).toContain("Everything is Ok");
    execFileSync("7z", ["x", "-y", "-bd", "-snld20", `-o${folder}`, path], { env, stdio: "ignore" });
    const [volume] = (await listTree(folder)).map((entry) => entry.path);
    expect(volume!.normalize()).toBe(name);
    const found: MountedEntry[] = [];
    for (const { path: at, kind, link } of await listTree(join(folder, volume!))) {
      const whole = join(folder, volume!, at);
      const mode = kind === "link" ? 0o755 : (await lstat(whole)).mode & 0o777;
      found.push({ path: at, kind, mode, content: kind === "file" ? await sha256OfFile(whole) : (link ?? "") });
    }
    expect(ofApp(found, `${name}.app`)).toEqual(await staged(root, `${name}.app`));
    const others = sorted(found).filter(({ path: at }) => !at.startsWith(`${name}.app`));
    expect(others.map(({ path: at }) => at)).toEqual([
      ".DS_Store",
      ".VolumeIcon.icns",
      ".background",
      ".background/background.tiff",
      "Applications",
    ]);
    expect(await readlink(join(folder, volume!, "Applications"))).toMatch(/\/Applications$/);
  },
);

test.skipIf(sevenZip === undefined)("7-Zip finds the byte that was changed, whatever the method", async () => {
  for (const compression of ["lzma", "zlib"] as const) {
    const { path } = await image("Notes", compression);
    const bytes = await readFile(path);
    bytes[5000] = bytes[5000]! ^ 1;
    await writeFile(path, bytes);
    expect(() => execFileSync("7z", ["t", path], { stdio: "pipe" })).toThrow();
  }
});

test.skipIf(qemuImg === undefined || dmg2img === undefined)(
  "qemu-img and dmg2img unpack a zlib image to our volume, byte for byte",
  async () => {
    const { path } = await image("日本語アプリ", "zlib", true);
    const raw = await rawOf(path);
    const folder = await scratchFolder();
    expect(runTool(qemuImg, ["convert", "-f", "dmg", "-O", "raw", path, "qemu.raw"], folder).status).toBe(0);
    expect(runTool(dmg2img, ["-s", path, "dmg2img.raw"], folder).status).toBe(0);
    for (const name of ["qemu.raw", "dmg2img.raw"])
      expect((await readFile(join(folder, name))).equals(raw), name).toBe(true);
  },
);

test.skipIf(sevenZip === undefined)("7-Zip unpacks an LZMA image to our volume, byte for byte", async () => {
  const { path } = await image("Notes", "lzma");
  const folder = await scratchFolder();
  execFileSync("7z", ["x", "-y", "-tdmg", `-o${folder}`, path], { stdio: "ignore" });
  const [file] = await listTree(folder);
  expect((await readFile(join(folder, file!.path))).equals(await rawOf(path))).toBe(true);
});

test.skipIf(!hasLinuxHfsPlus)(
  "Linux mounts the volumes of all names: every path, mode, link and digest (in QEMU)",
  async () => {
    const scratch = await scratchFolder();
    const apps = await Promise.all(NAMES.map((name, at) => image(name, "zlib", at === 1)));
    const volumes = await Promise.all(
      apps.map(async ({ path }, at) => {
        const volume = join(scratch, `${at}.hfs`);
        await writeFile(volume, await rawOf(path));
        return volume;
      }),
    );
    const mounted = await mountInLinux(volumes, scratch);
    expect(mounted.length).toBe(NAMES.length);
    for (const [at, name] of NAMES.entries()) {
      const entries = mounted[at] ?? [];
      expect(ofApp(entries, `${name}.app`), name).toEqual(await staged(apps[at]!.root, `${name}.app`));
      expect(entries.find(({ path }) => path === "Applications")).toEqual({
        path: "Applications",
        kind: "link",
        mode: 0o755,
        content: "/Applications",
      });
    }
  },
  300_000,
);

test.skipIf(sevenZip === undefined || python === undefined || identify === undefined)(
  "the Finder's window: ds_store and mac_alias read it, and find the picture that it names",
  async () => {
    const { path } = await image("Éclair 2.0 — β", "zlib");
    const folder = await scratchFolder();
    execFileSync("7z", ["x", "-y", "-snld20", `-o${folder}`, path], {
      stdio: "ignore",
      env: { ...process.env, LC_ALL: "C.UTF-8" },
    });
    const [volume] = (await listTree(folder)).map((entry) => entry.path);
    const script = `
import sys, json, ds_store, mac_alias
with ds_store.DSStore.open(sys.argv[1]) as store:
    icvp = store["."]["icvp"]
    alias = mac_alias.Alias.from_bytes(icvp["backgroundImageAlias"])
    print(json.dumps({
        "bounds": store["."]["bwsp"]["WindowBounds"], "bars": store["."]["bwsp"]["ShowToolbar"],
        "icon": icvp["iconSize"], "kind": icvp["backgroundType"], "view": store["."]["icvl"][1].decode(),
        "app": store[sys.argv[2]]["Iloc"], "applications": store["Applications"]["Iloc"],
        "volume": alias.volume.name.decode() if isinstance(alias.volume.name, bytes) else alias.volume.name,
        "path": alias.target.posix_path.decode() if isinstance(alias.target.posix_path, bytes) else alias.target.posix_path,
        "cnids": [alias.target.folder_cnid, alias.target.cnid], "created": alias.volume.creation_date.isoformat()}))`;
    const app = "Éclair 2.0 — β.app".normalize("NFD");
    const { status, output } = runTool(python, ["-c", script, join(folder, volume!, ".DS_Store"), app], folder);
    expect(status, output).toBe(0);
    const read = JSON.parse(output) as Record<string, unknown>;
    expect({ ...read, volume: String(read["volume"]).normalize() }).toEqual({
      bounds: "{{200, 120}, {660, 428}}",
      bars: false,
      icon: 128,
      kind: 2,
      view: "icnv",
      app: [178, 180],
      applications: [482, 180],
      volume: "Éclair 2.0 — β",
      path: "/.background/background.tiff",
      cnids: [16, 17],
      created: expect.stringContaining("1980-01-01T00:00:00") as unknown,
    });
    const pages = runTool(
      identify,
      ["-format", "%m %w %h %x %C\\n", join(folder, volume!, ".background/background.tiff")],
      folder,
    );
    expect(pages.output.trim().split("\n")).toEqual(["TIFF 660 400 72 None", "TIFF 1320 800 144 None"]);
  },
);

test.skipIf(relic === undefined || rcodesign === undefined)(
  "our image takes a signature that relic verifies and rcodesign reads",
  async () => {
    const { path } = await image("Notes", "lzma");
    const folder = await scratchFolder();
    const authority = appleAuthority();
    const signed = join(folder, "Notes.dmg");
    const { signer } = authority.application;
    const signing = { signer, file: "Notes.dmg", signingTime: new Date("2026-06-01T12:00:00Z") };
    await signDmg({ path, output: signed, identifier: "Notes", teamId: TEAM_ID, signing });
    await writeFile(join(folder, "root.pem"), authority.root.certificatePem);
    const verified = runTool(relic, ["verify", "--cert", "root.pem", "Notes.dmg"], folder);
    expect(verified.output).toContain(`Notes.dmg: OK - Notes[TeamID:${TEAM_ID}]`);
    expect(runTool(rcodesign, ["print-signature-info", "Notes.dmg"], folder).output).toContain(
      "signature_verifies: true",
    );
    // What is inside is untouched.
    expect(
      createHash("sha256")
        .update(await rawOf(signed))
        .digest("hex"),
    ).toBe(
      createHash("sha256")
        .update(await rawOf(path))
        .digest("hex"),
    );
    const file = await open(signed, "r+");
    await file.write(Buffer.of(0xff), 0, 1, 100);
    await file.close();
    expect(runTool(relic, ["verify", "--cert", "root.pem", "Notes.dmg"], folder).status).not.toBe(0);
  },
);
