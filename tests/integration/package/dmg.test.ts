/** Disk images made by the stage itself: what is in them, what is kept of them, what is refused. */
import { createHash } from "node:crypto";
import { chmod, cp, mkdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { listTree } from "../../../build/artifacts/digest.ts";
import { openPieces } from "../../../build/artifacts/pieces.ts";
import { resolveDmg } from "../../../build/config/package/dmg.ts";
import type { Part, ResolvedConfig } from "../../../build/config/resolved-config.ts";
import { rangeOfBytes } from "../../../build/formats/byte-range.ts";
import { FINDER_FLAG } from "../../../build/formats/hfs-plus-records.ts";
import { openHfsPlus } from "../../../build/formats/hfs-plus-reader.ts";
import { openUdif } from "../../../build/formats/udif-reader.ts";
import { compareTrees } from "../../../build/stages/verify/compare-trees.ts";
import { DMG_READER } from "../../../build/stages/verify/dmg-reader.ts";
import { dmg } from "../../../build/stages/package/dmg.ts";
import type { Pieces, TargetContext } from "../../../build/stages/stage.ts";
import { exec } from "../../../build/tools/exec.ts";
import { fakeConfig } from "../../support/fake-config.ts";
import { scratchFolder } from "../../support/scratch.ts";
import { packageSmallApp, type PackagedApp } from "../stub/small-app.ts";

/** Taken as it is, which is quick; the picture that comes with erth takes a second to draw. */
const PICTURE = fileURLToPath(new URL("../../fixtures/icons/rgba8.png", import.meta.url));

function withDmg(
  dmg: Parameters<typeof resolveDmg>[0],
  compression: "best" | "fast" = "best",
): Partial<ResolvedConfig["package"]> {
  return { compression, dmg: resolveDmg(dmg, (path) => path) };
}

const LARGE = 3_000_000;

interface ImageOptions {
  readonly dmg?: Parameters<typeof resolveDmg>[0];
  readonly pieces?: Pieces;
  /** Text of a small file of the app. */
  readonly code?: string;
  readonly change?: (root: string) => Promise<void>;
}

/** An app with a large program, whose middle is app code, and a few small files. */
async function image({ dmg, pieces, code = "let x = 1;", change }: ImageOptions = {}): Promise<PackagedApp> {
  const parts: Record<
    string,
    Part | readonly { readonly part: Part; readonly offset: number; readonly length: number }[]
  > = {
    "Contents/MacOS/side": [
      { part: "sidecar runtime", offset: 0, length: 2_000_000 },
      { part: "app code", offset: 2_000_000, length: 100_003 },
      { part: "sidecar runtime", offset: 2_100_003, length: LARGE - 2_100_003 },
    ],
    "Contents/Resources/main.js": "app code",
    "Contents/Resources/AppIcon.icns": "app code",
  };
  return packageSmallApp({
    target: "darwin-arm64",
    format: "dmg",
    bundleName: "Éclair.app",
    package: withDmg({ compression: "zlib", background: PICTURE, ...dmg }),
    ...(pieces ? { pieces } : {}),
    parts,
    change: async (root) => {
      await mkdir(join(root, "Contents/MacOS"), { recursive: true });
      await mkdir(join(root, "Contents/Resources"), { recursive: true });
      const program = Buffer.alloc(LARGE);
      for (let at = 0; at < LARGE; at += 32)
        createHash("sha256")
          .update(String(at >> 8))
          .digest()
          .copy(program, at);
      await writeFile(join(root, "Contents/MacOS/side"), program);
      await chmod(join(root, "Contents/MacOS/side"), 0o755);
      await writeFile(join(root, "Contents/Resources/main.js"), code);
      await writeFile(join(root, "Contents/Resources/AppIcon.icns"), "icns of the app");
      await change?.(root);
    },
  });
}

/** A store that counts what it has to make. */
async function countingPieces(): Promise<Pieces & { made: number }> {
  const store = await openPieces(join(await scratchFolder(), "pieces"));
  const counting = {
    made: 0,
    get: (key: string, make: (path: string) => Promise<void>) =>
      store.get(key, async (path) => {
        counting.made += 1;
        await make(path);
      }),
  };
  return counting;
}

test.each(["zlib", "lzma"] as const)(
  "the app comes out of a %s image as it went in, by a reader of its own",
  async (compression) => {
    const { path, root } = await image({ dmg: { compression } });
    const unpacked = join(await scratchFolder(), "unpacked");
    await DMG_READER.read({ file: path, folder: unpacked, exec, signal: new AbortController().signal });
    const request = { staged: root, unpacked, reader: DMG_READER, fileName: "Éclair.dmg", decomposesNames: true };
    const isExtra = (extra: string): boolean => extra.startsWith("Éclair/") && !extra.includes(".app");
    expect(await compareTrees({ ...request, appRoot: "Éclair/Éclair.app", isExtra })).toEqual([]);
    const named = await compareTrees({ ...request, appRoot: "Éclair/Éclair.app", isExtra: () => false });
    expect(named.map(({ message }) => message.split(" ")[1])).toEqual([
      "Éclair/.DS_Store",
      "Éclair/.VolumeIcon.icns",
      "Éclair/.background",
      "Éclair/.background/background.png",
      "Éclair/Applications",
    ]);
    const bytes = await readFile(path);
    const udif = await openUdif(rangeOfBytes(bytes));
    expect(await udif.faults()).toEqual([]);
    const volume = await openHfsPlus(udif.sectors);
    expect(volume.rootFinderFlags).toBe(FINDER_FLAG.hasCustomIcon);
    expect(volume.entries.find((entry) => entry.path === ".VolumeIcon.icns")?.finderFlags).toBe(
      FINDER_FLAG.isInvisible,
    );
  },
);

test("the parts add up to the file, and each has about what is its own", async () => {
  const { path, facts } = await image();
  const { compressedBytes } = facts;
  const sum = Object.values(compressedBytes).reduce((total, bytes) => total + bytes, 0);
  expect(sum).toBe((await readFile(path)).length);
  expect(compressedBytes["sidecar runtime"]).toBeGreaterThan(compressedBytes["app code"] * 5);
  expect(compressedBytes["app code"]).toBeGreaterThan(5000);
});

test("the same app gives the same bytes, from the store of pieces or without", async () => {
  const pieces = await countingPieces();
  const [one, two, three] = [await image({ pieces }), await image({ pieces }), await image()];
  const first = await readFile(one.path);
  expect((await readFile(two.path)).equals(first)).toBe(true);
  expect((await readFile(three.path)).equals(first)).toBe(true);
});

test("a change of app code compresses its own runs again, though everything behind it has moved", async () => {
  const pieces = await countingPieces();
  await image({ pieces });
  const all = pieces.made;
  await image({ pieces, code: `let x = 2; ${"y".repeat(9000)}` });
  // The catalog, in which sizes stand; the small files of the app; the copy of the volume header at the end.
  expect(pieces.made - all).toBe(3);
  const before = pieces.made;
  const change = async (root: string): Promise<void> => {
    const program = await readFile(join(root, "Contents/MacOS/side"));
    program.fill("new code", 2_000_000, 2_050_000);
    program.fill("offset", 100, 200);
    await writeFile(join(root, "Contents/MacOS/side"), program);
  };
  await image({ pieces, change });
  // The program's head with its load commands, the app code inside it.
  expect(pieces.made - before).toBe(2);
});

test("a file that changes while it is packed is an error, not half of both", async () => {
  const store = await openPieces(join(await scratchFolder(), "pieces"));
  let root = "";
  const pieces: Pieces = {
    get: async (key, make) => {
      await writeFile(join(root, "Contents/MacOS/side"), Buffer.alloc(LARGE, "other"));
      return store.get(key, make);
    },
  };
  await expect(image({ pieces, change: async (folder) => void (root = folder) })).rejects.toMatchObject({
    code: "FILE_CHANGED",
  });
  const shorter: Pieces = {
    get: async (key, make) => {
      await truncate(join(root, "Contents/MacOS/side"), 10);
      return store.get(key, make);
    },
  };
  await expect(image({ pieces: shorter, change: async (folder) => void (root = folder) })).rejects.toMatchObject({
    code: "FILE_CHANGED",
  });
});

test("a licence is shown first; one that is no text is refused", async () => {
  const folder = await scratchFolder();
  const license = join(folder, "LICENSE.txt");
  await writeFile(license, "Sei nett – 日本語 {auch} hier.\nC:\\Ende");
  const { path } = await image({ dmg: { license } });
  const bytes = await readFile(path);
  expect((await openUdif(rangeOfBytes(bytes))).resourceTypes).toEqual(["LPic", "STR#", "RTF "]);
  const data = /<key>RTF <\/key>[\s\S]*?<data>([\s\S]*?)<\/data>/.exec(bytes.toString("latin1"))![1]!;
  const rtf = Buffer.from(data, "base64").toString("latin1");
  expect(rtf).toContain("Sei nett \\u8211? \\u26085?\\u26412?\\u-30050? \\{auch\\} hier.\\par\nC:\\\\Ende}");
  await writeFile(license, Buffer.of(0xff, 0xfe, 0x41));
  await expect(image({ dmg: { license } })).rejects.toMatchObject({ code: "DMG_LICENSE" });
});

test("a picture of one's own: a PNG as it is, two densities as one TIFF, anything else refused", async () => {
  const folder = await scratchFolder();
  const background = join(folder, "back.png");
  await cp(PICTURE, background);
  const names = async (): Promise<readonly string[]> => {
    const { path } = await image({ dmg: { background } });
    const { sectors } = await openUdif(rangeOfBytes(await readFile(path)));
    return (await openHfsPlus(sectors)).entries
      .map((entry) => entry.path)
      .filter((path) => path.startsWith(".background/"));
  };
  expect(await names()).toEqual([".background/background.png"]);
  await cp(PICTURE, join(folder, "back@2x.png"));
  expect(await names()).toEqual([".background/background.tiff"]);
  await writeFile(background, "no picture");
  await expect(names()).rejects.toMatchObject({ code: "DMG_BACKGROUND" });
});

test("an app without an icon has a volume without one; a window too small for its icons is refused", async () => {
  const { path } = await image({ change: (root) => rm(join(root, "Contents/Resources/AppIcon.icns")) });
  const { sectors } = await openUdif(rangeOfBytes(await readFile(path)));
  expect((await openHfsPlus(sectors)).rootFinderFlags).toBe(0);
  const dmg = { windowSize: { width: 320, height: 200 }, iconSize: 256 };
  await expect(image({ dmg })).rejects.toMatchObject({ code: "DMG_WINDOW" });
});

test("hdiutil, where it is asked for, gets the whole volume in a folder; without it, preflight says so", async () => {
  const folder = await scratchFolder();
  const calls: (readonly string[])[] = [];
  let seen: readonly string[] = [];
  const { facts } = await packageSmallApp({
    target: "darwin-arm64",
    format: "dmg",
    package: withDmg({ tool: "hdiutil", background: PICTURE }),
    exec: async (program, args) => {
      calls.push([program, ...args.map(String)]);
      seen = (await listTree(String(args[4]))).map(({ path }) => path);
      await writeFile(String(args.at(-1)), Buffer.alloc(1000));
      return { stdout: "", stderr: "" };
    },
  });
  const [[program, ...args] = []] = calls;
  const shown = args.map((arg) => (arg.includes("/") ? "…" : arg));
  expect([program, ...shown].join(" ")).toBe(
    "hdiutil create -volname Plain Nötes 漢字 -srcfolder … -fs HFS+ -format ULMO -ov …",
  );
  expect(seen).toContain("Plain Nötes 漢字.app/bin/link");
  expect(seen).toContain(".background/background.png");
  expect(Object.values(facts.compressedBytes).reduce((sum, bytes) => sum + bytes, 0)).toBe(1000);
  const config = fakeConfig(folder);
  const ctx = {
    config: { ...config, package: { ...config.package, ...withDmg({ tool: "hdiutil" }) } },
  } as unknown as TargetContext;
  const problems = (await dmg.preflight?.(ctx)) ?? [];
  expect(problems.map(({ code }) => code)).toEqual(process.platform === "darwin" ? [] : ["TOOL_MISSING"]);
});
