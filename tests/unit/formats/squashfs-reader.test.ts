import { execFileSync, spawnSync } from "node:child_process";
import { chmod, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { rangeOfBytes, withFileRange } from "../../../build/formats/byte-range.ts";
import { readSquashfs, SQUASHFS_LIMITS } from "../../../build/formats/squashfs-reader.ts";
import { ErthError } from "../../../runtime/base/errors.ts";
import { scratchFolder } from "../../support/scratch.ts";

const SMALL = new URL("../../../build/stub/testdata/small.squashfs", import.meta.url);
const hasMksquashfs = spawnSync("mksquashfs", ["-version"]).error === undefined;

/** Everything in an image, contents too; or the code that it is refused with. */
async function dump(bytes: Uint8Array, limits = SQUASHFS_LIMITS): Promise<readonly string[] | string> {
  try {
    const lines: string[] = [];
    for (const member of await readSquashfs(rangeOfBytes(bytes), limits)) {
      const content = member.kind === "file" ? JSON.stringify((await member.read(1 << 20)).toString()) : "";
      lines.push(`${member.kind} ${member.mode.toString(8)} ${member.path} ${member.target ?? content}`.trimEnd());
    }
    return lines;
  } catch (error) {
    if (error instanceof ErthError) return error.code;
    throw error;
  }
}

const EXPECTED = [
  'file 755 AppRun "#!/bin/sh\\n"',
  "link 777 link usr/note 漢字",
  'file 600 none ""',
  "folder 755 usr",
  "folder 700 usr/empty",
  'file 644 usr/note 漢字 "hello"',
];

test("an image of our own reads back", async () => {
  expect(await dump(await readFile(SMALL))).toEqual(EXPECTED);
});

test.skipIf(!hasMksquashfs).each([
  ["gzip", []],
  ["zstd", ["-b", "4096"]],
  ["gzip", ["-no-fragments", "-noI", "-noD"]],
])("mksquashfs with %s %j", async (compressor, more) => {
  const folder = await scratchFolder();
  const root = join(folder, "root");
  await mkdir(join(root, "many"), { recursive: true });
  const contents: Record<string, string> = {};
  for (let number = 0; number < 700; number += 1) contents[`many/${number}`] = `content ${number} `.repeat(number % 40);
  contents["large"] = "a long text ".repeat(30_000);
  contents["zeros"] = "\0".repeat(200_000);
  for (const [path, text] of Object.entries(contents)) await writeFile(join(root, path), text);
  await chmod(join(root, "large"), 0o750);
  await symlink("../elsewhere", join(root, "link"));
  const file = join(folder, "image");
  const args = [root, file, "-comp", compressor, "-all-root", "-noappend", "-quiet", "-no-progress", ...more];
  execFileSync("mksquashfs", args, { stdio: "pipe" });
  await withFileRange(file, async (range) => {
    const members = await readSquashfs(range);
    const files = members.filter(({ kind }) => kind === "file");
    expect(files.map(({ path }) => path).sort()).toEqual(Object.keys(contents).sort());
    for (const member of files) expect((await member.read(1 << 20)).toString()).toBe(contents[member.path]);
    expect(members.find(({ path }) => path === "large")?.mode).toBe(0o750);
    expect(members.find(({ path }) => path === "link")?.target).toBe("../elsewhere");
    await expect(members.find(({ path }) => path === "large")!.read(1000)).rejects.toThrowError("1000 at most");
  });
});

test("no image that was cut off within its tables is read", async () => {
  const image = await readFile(SMALL);
  for (let length = 0; length < 600; length += 1) {
    const seen = await dump(image.subarray(0, length));
    if (seen !== "SQUASHFS_DAMAGED") expect(seen).toEqual(EXPECTED);
  }
  expect(await dump(image.subarray(0, 300))).toBe("SQUASHFS_DAMAGED");
});

test("any damage is refused or read within bounds", async () => {
  const image = (await readFile(SMALL)).subarray(0, 1024);
  const changes = fc.array(fc.tuple(fc.nat(560), fc.nat(255)), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(changes, async (flips) => {
      const damaged = Buffer.from(image);
      for (const [at, value] of flips) damaged[at] = value;
      const seen = await dump(damaged);
      if (typeof seen === "string") expect(seen).toBe("SQUASHFS_DAMAGED");
      const members = await readSquashfs(rangeOfBytes(damaged)).catch(() => []);
      for (const { path } of members) {
        expect(path.split("/").filter((name) => name === "" || name === "." || name === "..")).toEqual([]);
      }
    }),
    { numRuns: 1000 },
  );
});

test("more entries or tables than allowed are a bomb", async () => {
  const image = await readFile(SMALL);
  expect(await dump(image, { ...SQUASHFS_LIMITS, maxEntries: 3 })).toBe("SQUASHFS_DAMAGED");
  expect(await dump(image, { ...SQUASHFS_LIMITS, maxTableBytes: 100 })).toBe("SQUASHFS_DAMAGED");
});

test("a folder that holds itself ends the reading", async () => {
  const image = await readFile(SMALL);
  // The last inode is the root; the folder "usr" is listed with its place, which becomes the root's own.
  const root = Number(image.readBigUInt64LE(32) & 0xffffn);
  const listing = Number(image.readBigUInt64LE(72)) + 2;
  const at = image.indexOf("usr", listing) - 8;
  image.writeUInt16LE(root, at);
  expect(await dump(image)).toBe("SQUASHFS_DAMAGED");
});
