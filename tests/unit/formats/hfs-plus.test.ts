import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ErthError, ProblemsError } from "../../../runtime/base/errors.ts";
import { BLOCK_BYTES, cnidOf, planHfsPlus, type HfsPlusItem } from "../../../build/formats/hfs-plus.ts";
import { compareHfsPlusNames, hfsPlusName } from "../../../build/formats/hfs-plus-names.ts";
import { FINDER_FLAG } from "../../../build/formats/hfs-plus-records.ts";
import { rangeOfBytes } from "../../../build/formats/byte-range.ts";
import { openHfsPlus } from "../../../build/formats/hfs-plus-reader.ts";
import { DATE, smallVolume, type SmallItem } from "./small-volume.ts";

/** Paths, kinds, modes and contents as the reader sees them. */
async function listed(volume: Buffer): Promise<readonly string[]> {
  const opened = await openHfsPlus(rangeOfBytes(volume));
  const lines: string[] = [];
  for (const entry of opened.entries) {
    const mode = entry.mode.toString(8);
    if (entry.kind === "folder") lines.push(`${mode} ${entry.path}/`);
    else if (entry.kind === "link") lines.push(`${mode} ${entry.path} -> ${await opened.linkTarget(entry)}`);
    else {
      const chunks: Uint8Array[] = [];
      for await (const chunk of opened.content(entry)) chunks.push(chunk);
      lines.push(`${mode} ${entry.path} = ${Buffer.concat(chunks).toString("latin1").slice(0, 40)} (${entry.bytes})`);
    }
  }
  return lines.sort();
}

test("files, modes, links and empty folders come back", async () => {
  const volume = smallVolume(
    [
      { path: "ERTH Assistant.app" },
      { path: "ERTH Assistant.app/run", content: "#!", isExecutable: true },
      { path: "ERTH Assistant.app/empty", content: "" },
      { path: "ERTH Assistant.app/large", content: Buffer.alloc(3 * BLOCK_BYTES + 1, "x") },
      { path: "Applications", target: "/Applications" },
      { path: "nothing" },
      { path: "a:b", content: "colon" },
    ],
    "Éclair 2.0 — β",
    FINDER_FLAG.hasCustomIcon,
  );
  expect(await listed(volume)).toEqual([
    "644 ERTH Assistant.app/empty =  (0)",
    `644 ERTH Assistant.app/large = ${"x".repeat(40)} (12289)`,
    "644 a:b = colon (5)",
    "755 Applications -> /Applications",
    "755 ERTH Assistant.app/",
    "755 ERTH Assistant.app/run = #! (2)",
    "755 nothing/",
  ]);
  const { name, rootFinderFlags } = await openHfsPlus(rangeOfBytes(volume));
  expect(name.normalize()).toBe("Éclair 2.0 — β");
  expect(rootFinderFlags).toBe(FINDER_FLAG.hasCustomIcon);
});

test("3,000 files, names of 255 characters, a path of 3,000: the tree has several levels and keeps its order", async () => {
  const items: SmallItem[] = [{ path: "app" }];
  for (let at = 0; at < 3000; at += 1)
    items.push({ path: `app/${at % 2 ? "F" : "f"}ile ${(at * 7919) % 3000} ${"é".repeat(at % 120)}`, content: "" });
  for (let depth = 1, path = "deep"; depth < 12; depth += 1, path += `/${"n".repeat(255)}`) items.push({ path });
  const volume = smallVolume(items);
  const { entries } = await openHfsPlus(rangeOfBytes(volume));
  expect(entries.map(({ path }) => path.normalize()).sort()).toEqual(items.map(({ path }) => path).sort());
  const names = entries.filter(({ path }) => path.startsWith("app/")).map(({ path }) => path.slice(4));
  expect([...names].sort(compareHfsPlusNames)).toEqual(names);
  expect(headerOf(volume).depth).toBe(3);
});

/** Fields of the catalog's header node; the volume header says where that is. */
function headerOf(volume: Buffer) {
  const at = volume.readUInt32BE(1024 + 272 + 16) * BLOCK_BYTES;
  return {
    depth: volume.readUInt16BE(at + 14),
    nodes: volume.readUInt32BE(at + 36),
    free: volume.readUInt32BE(at + 40),
  };
}

test("every block is in use and belongs to one thing", () => {
  const volume = smallVolume([
    { path: "a", content: Buffer.alloc(9000) },
    { path: "b", content: "b" },
    { path: "c", target: "a" },
  ]);
  const totalBlocks = volume.readUInt32BE(1024 + 44);
  expect(totalBlocks * BLOCK_BYTES).toBe(volume.length);
  expect(volume.readUInt32BE(1024 + 48)).toBe(0);
  const bitmap = volume.subarray(BLOCK_BYTES, BLOCK_BYTES + Math.ceil(totalBlocks / 8));
  const used = [...bitmap].reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0);
  expect(used).toBe(totalBlocks);
  // The alternate header is the header.
  expect(volume.subarray(-1024, -512)).toEqual(volume.subarray(1024, 1536));
  expect(headerOf(volume).free).toBe(0);
});

test("any tree comes back whole, and gives the same bytes twice", async () => {
  const name = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
    .map((text) => text.replaceAll(/[/\0]/g, "_").normalize("NFD"))
    .filter((text) => text !== "." && text !== ".." && text.length > 0);
  const content = fc.uint8Array({ maxLength: 9000 });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.tuple(name, content), { selector: ([key]) => hfsPlusName(key).toLowerCase() }),
      async (files) => {
        let volume: Buffer;
        const items = files.map(([path, bytes]) => ({ path: `app/${path}`, content: bytes }));
        try {
          volume = smallVolume([{ path: "app" }, ...items]);
        } catch (error) {
          // Names that are one to macOS, though not to JavaScript.
          if (error instanceof ErthError && error.code === "DMG_NAME_CLASH") return;
          throw error;
        }
        expect(smallVolume([{ path: "app" }, ...items]).equals(volume)).toBe(true);
        const opened = await openHfsPlus(rangeOfBytes(volume));
        for (const [path, bytes] of files) {
          const entry = opened.entries.find((each) => each.path === `app/${hfsPlusName(path).replaceAll("/", ":")}`);
          const chunks: Uint8Array[] = [];
          for await (const chunk of opened.content(entry!)) chunks.push(chunk);
          expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
        }
        expect(opened.entries.length).toBe(files.length + 1);
      },
    ),
    { numRuns: 40 },
  );
});

function plan(items: readonly HfsPlusItem[]) {
  return planHfsPlus({ name: "Notes", date: DATE, items, finderFlags: 0 });
}

function file(path: string, bytes = 0): HfsPlusItem {
  return { kind: "file", path, bytes, isExecutable: false };
}

test("names that macOS cannot tell apart, and too long ones, are told all at once", () => {
  const items = [
    file("Readme"),
    file("README"),
    file("é"),
    file("e\u0301"),
    file("x".repeat(256)),
    file("é".repeat(128)),
  ];
  let problems: readonly { readonly code: string }[] = [];
  try {
    plan(items);
  } catch (error) {
    if (error instanceof ProblemsError) problems = error.problems;
  }
  expect(problems.map(({ code }) => code)).toEqual(["DMG_NAME_CLASH", "DMG_NAME_CLASH", "DMG_NAME", "DMG_NAME"]);
});

test("a file of 5 GiB has its place; an image beyond 16 TiB is refused", () => {
  const bytes = 5 * 2 ** 30;
  const image = plan([file("before", 1), file("large", bytes), file("behind", 1)]);
  const [before, large, behind] = image.contents;
  expect(large!.offset - before!.offset).toBe(BLOCK_BYTES);
  expect(behind!.offset - large!.offset).toBe(bytes);
  expect(image.bytes).toBe(behind!.offset + BLOCK_BYTES + image.tail.length);
  expect(() => plan([file("huge", 17 * 2 ** 40)])).toThrow(expect.objectContaining({ code: "DMG_TOO_LARGE" }));
});

test("catalog node IDs are those that an alias may name", async () => {
  const { entries } = await openHfsPlus(
    rangeOfBytes(smallVolume([{ path: ".background" }, { path: ".background/a", content: "" }])),
  );
  expect(entries.map(({ path, cnid }) => [path, cnid])).toEqual([
    [".background", cnidOf(0)],
    [".background/a", cnidOf(1)],
  ]);
});
