/** A finished file is opened again by somebody else's reader; whatever is not as it was staged is named. */
import { spawnSync } from "node:child_process";
import { chmod, cp, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { UNZIP, chooseReader, sevenZip } from "../../../build/stages/verify/container-reader.ts";
import { MSIX_SEVEN_ZIP, MSIX_UNZIP, isMsixExtra } from "../../../build/stages/verify/msix-readers.ts";
import { PKG_LIBARCHIVE, PKG_SEVEN_ZIP } from "../../../build/stages/verify/pkg-readers.ts";
import { compareTrees } from "../../../build/stages/verify/compare-trees.ts";
import { exec } from "../../../build/tools/exec.ts";
import { scratchFolder } from "../../support/scratch.ts";
import { packageSmallApp } from "../stub/small-app.ts";

const signal = new AbortController().signal;
const hasUnzip = spawnSync("unzip", ["-v"]).status === 0;
const has7z = spawnSync("7z", ["i"]).status === 0;

/** What comparing finds after `change` was done to what the reader unpacked. */
async function compared(change: (app: string) => Promise<unknown> = async () => undefined): Promise<readonly string[]> {
  const folder = await scratchFolder();
  const { path, root } = await packageSmallApp({ target: "darwin-arm64", ballastBytes: 4000 });
  const unpacked = join(folder, "unpacked");
  await UNZIP.read({ file: path, folder: unpacked, exec, signal });
  const appRoot = "Plain Nötes 漢字.app";
  await change(join(unpacked, appRoot));
  const request = { staged: root, unpacked, appRoot, isExtra: undefined, reader: UNZIP, fileName: "notes.zip" };
  return (await compareTrees(request)).map(({ message }) => message);
}

test.skipIf(!hasUnzip)("unzip finds everything as it was staged", async () => {
  expect(await compared()).toEqual([]);
});

test.skipIf(!hasUnzip)("the installer that dropped every executable: each difference is named", async () => {
  expect(await compared((app) => rm(join(app, "bin/start")))).toEqual([
    "notes.zip: bin/start is missing (read by Info-ZIP unzip).",
  ]);
  expect(await compared((app) => chmod(join(app, "bin/start"), 0o644))).toEqual([
    "notes.zip: bin/start is not executable (read by Info-ZIP unzip).",
  ]);
  expect(await compared((app) => writeFile(join(app, "ballast"), "x".repeat(4000)))).toEqual([
    expect.stringMatching(/^notes\.zip: ballast has SHA-256 [0-9a-f]{16}…, not [0-9a-f]{16}… \(read by/),
  ]);
  expect(await compared((app) => writeFile(join(app, "ballast"), "short"))).toEqual([
    "notes.zip: ballast has 5 bytes, not 4000 (read by Info-ZIP unzip).",
  ]);
  const elsewhere = async (app: string): Promise<void> => {
    await rm(join(app, "bin/link"));
    await symlink("elsewhere", join(app, "bin/link"));
  };
  expect(await compared(elsewhere)).toEqual([
    "notes.zip: bin/link points to elsewhere, not to start (read by Info-ZIP unzip).",
  ]);
  const copied = async (app: string): Promise<void> => {
    await rm(join(app, "bin/link"));
    await cp(join(app, "bin/start"), join(app, "bin/link"));
  };
  expect(await compared(copied)).toEqual(["notes.zip: bin/link is a file, not a link (read by Info-ZIP unzip)."]);
});

test.skipIf(!hasUnzip)(
  "what was never staged is named, inside the app and beside it; many differences are counted",
  async () => {
    const strangers = async (app: string): Promise<void> => {
      await writeFile(join(app, "stranger"), "");
      await writeFile(join(app, "../beside"), "");
    };
    expect(await compared(strangers)).toEqual([
      "notes.zip: beside was not staged (read by Info-ZIP unzip).",
      "notes.zip: stranger was not staged (read by Info-ZIP unzip).",
    ]);
    const many = async (app: string): Promise<void> => {
      await mkdir(join(app, "many"));
      await Promise.all(Array.from({ length: 40 }, (_, at) => writeFile(join(app, `many/${at}`), "")));
    };
    const told = await compared(many);
    expect(told).toHaveLength(21);
    expect(told.at(-1)).toBe("notes.zip: 21 more paths differ.");
  },
);

test.skipIf(!has7z)("7-Zip agrees with unzip", async () => {
  const folder = await scratchFolder();
  const { path, root } = await packageSmallApp({ target: "win32-x64" });
  const reader = sevenZip({ modes: true, links: true });
  await reader.read({ file: path, folder: join(folder, "unpacked"), exec, signal });
  const request = { staged: root, unpacked: join(folder, "unpacked"), appRoot: "Plain Nötes 漢字.app", reader };
  expect(await compareTrees({ ...request, isExtra: undefined, fileName: "notes.zip" })).toEqual([]);
});

test("a reader that is not installed is named, and the next one taken", async () => {
  const absent = { ...UNZIP, name: "Nobody's reader", program: "no-such-reader" };
  const own = { ...UNZIP, program: undefined };
  expect(await chooseReader([absent, own])).toEqual({ reader: own, missing: ["no-such-reader"] });
  expect(await chooseReader([absent])).toEqual({ reader: undefined, missing: ["no-such-reader"] });
});

const pkgReaders = { bsdtar: PKG_LIBARCHIVE, "7z": PKG_SEVEN_ZIP } as const;

test.skipIf(!has7z || spawnSync("bsdtar", ["--version"]).status !== 0).for(Object.values(pkgReaders))(
  "$name finds everything of an installer package as it was staged",
  async (reader) => {
    const folder = await scratchFolder();
    const change = async (root: string): Promise<void> => {
      await mkdir(join(root, "Contents"));
      await writeFile(join(root, "Contents/Info.plist"), "<plist><dict/></plist>");
    };
    const parts = { "Contents/Info.plist": "app code" } as const;
    const { path, root } = await packageSmallApp({ target: "darwin-arm64", format: "pkg", change, parts });
    const unpacked = join(folder, "unpacked");
    await reader.read({ file: path, folder: unpacked, exec, signal });
    const appRoot = "Plain Nötes 漢字.app";
    const request = { staged: root, unpacked, appRoot, isExtra: undefined, reader, fileName: "notes.pkg" };
    expect(await compareTrees(request)).toEqual([]);
    await chmod(join(unpacked, appRoot, "bin/start"), 0o644);
    expect(await compareTrees(request)).toMatchObject([{ message: expect.stringContaining("is not executable") }]);
  },
);

test.skipIf(!hasUnzip || !has7z).for([MSIX_UNZIP, MSIX_SEVEN_ZIP])(
  "$name finds everything of an app package as it was staged, its names decoded",
  async (reader) => {
    const folder = await scratchFolder();
    const change = async (root: string): Promise<void> => {
      await rm(join(root, "bin/link"));
      await mkdir(join(root, "größe"));
      await writeFile(join(root, "größe/100 % [1]+a.txt"), "percent");
    };
    const parts = { "größe/100 % [1]+a.txt": "app code" } as const;
    const { path, root } = await packageSmallApp({ target: "win32-x64", format: "msix", args: [], change, parts });
    const unpacked = join(folder, "unpacked");
    await reader.read({ file: path, folder: unpacked, exec, signal });
    const request = { staged: root, unpacked, appRoot: "", isExtra: isMsixExtra, reader, fileName: "notes.msix" };
    expect(await compareTrees(request)).toEqual([]);
    await writeFile(join(unpacked, "AppxManifest2.xml"), "");
    await rm(join(unpacked, "größe/100 % [1]+a.txt"));
    expect((await compareTrees(request)).map(({ message }) => message)).toEqual([
      expect.stringContaining("größe/100 % [1]+a.txt is missing"),
      expect.stringContaining("AppxManifest2.xml was not staged"),
    ]);
  },
);
