import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { APPIMAGE_HEAD_BYTES, encodeAppImageHead, PROGRAM_HEAD_BYTES } from "../../../../build/formats/appimage.ts";
import { rangeOfBytes } from "../../../../build/formats/byte-range.ts";
import { layoutSquashfs, type SquashfsEntry } from "../../../../build/formats/squashfs.ts";
import { squashfsChunks } from "../../../../build/formats/squashfs-stream.ts";
import { stubPath } from "../../../../build/stub/targets.ts";
import { appDirProblems } from "../../../../signing/linux/appdir.ts";

const program = readFileSync(stubPath("linux-x64")).subarray(0, PROGRAM_HEAD_BYTES);

function file(path: string, text: string, mode = 0o644): SquashfsEntry {
  return { kind: "file", path, mode, content: Buffer.from(text) };
}

const GOOD = [
  file("AppRun", "#!/bin/sh\n", 0o755),
  file("dev.example.notes.desktop", "[Desktop Entry]\nIcon=notes\n"),
  file("notes.png", "png"),
  file(".DirIcon", "png"),
];

async function problems(entries: readonly SquashfsEntry[]): Promise<readonly string[]> {
  const image = layoutSquashfs(entries, { modifiedAt: new Date(0), imageOffset: APPIMAGE_HEAD_BYTES });
  const head = encodeAppImageHead({ program, programOffset: 1 << 16, updateInformation: "" });
  const chunks: Uint8Array[] = [head];
  const noStream = (path: string): never => {
    throw new Error(`${path} has no stream`);
  };
  for await (const chunk of squashfsChunks(image, noStream)) chunks.push(chunk);
  return (await appDirProblems(rangeOfBytes(Buffer.concat(chunks)))).map(({ code, message }) => `${code} ${message}`);
}

const without = (name: string): readonly SquashfsEntry[] => GOOD.filter(({ path }) => path !== name);

test("an AppDir as the specification wants it has no problem", async () => {
  expect(await problems([...GOOD, { kind: "link", path: "link", target: "./AppRun" }])).toEqual([]);
});

test.each<readonly [string, readonly SquashfsEntry[]]>([
  ["APPDIR_SHAPE Its AppDir has no AppRun that can be started.", without("AppRun")],
  ["APPDIR_SHAPE Its AppDir has no AppRun that can be started.", [...without("AppRun"), file("AppRun", "")]],
  ["APPDIR_SHAPE Its AppDir has 2 desktop entries at its top, not one.", [...GOOD, file("other.desktop", "")]],
  ["APPDIR_SHAPE Its AppDir lacks the icon notes.", without("notes.png")],
  ["APPDIR_SHAPE Its AppDir has no .DirIcon.", without(".DirIcon")],
  ["APPDIR_LINK Its link out leaves it: ../x.", [...GOOD, { kind: "link", path: "out", target: "../x" }]],
  ["APPDIR_LINK Its link out leaves it: /etc/passwd.", [...GOOD, { kind: "link", path: "out", target: "/etc/passwd" }]],
])("%s", async (problem, entries) => {
  expect(await problems(entries)).toEqual([problem]);
});

test("a runtime that nothing follows, and bytes that are no image, are told", async () => {
  const head = encodeAppImageHead({ program, programOffset: 1 << 16, updateInformation: "" });
  const codes = async (bytes: Uint8Array): Promise<readonly string[]> =>
    (await appDirProblems(rangeOfBytes(bytes))).map(({ code }) => code);
  expect(await codes(head)).toEqual(["APPDIR_MISSING"]);
  expect(await codes(Buffer.concat([head, Buffer.alloc(4096)]))).toEqual(["SQUASHFS_DAMAGED"]);
  expect(await codes(head.subarray(0, 100))).toEqual(["APPDIR_MISSING"]);
});
