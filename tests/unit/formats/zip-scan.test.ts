import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { withFileRange } from "../../../build/formats/byte-range.ts";
import { zipContent } from "../../../build/formats/zip-content.ts";
import type { UnpackLimits } from "../../../build/formats/unpack-limits.ts";
import { scanZip, type ZipMember } from "../../../build/formats/zip-scan.ts";
import { ErthError } from "../../../runtime/base/errors.ts";
import { type RawEntry, type RawZip, rawZip } from "../../support/raw-zip.ts";
import { scratchFolder } from "../../support/scratch.ts";

const LIMITS: UnpackLimits = { maxEntries: 1000, maxBytes: 1 << 30, maxRatio: 200 };

interface Seen {
  /** `CODE message` */
  readonly problems: readonly string[];
  readonly members: readonly ZipMember[];
  readonly content: Readonly<Record<string, string>>;
}

/** All that a scan and reading everything says. Anything but an `ErthError` is a bug. */
async function look(path: string, limits = LIMITS): Promise<Seen> {
  const problems: string[] = [];
  const content: Record<string, string> = {};
  let members: readonly ZipMember[] = [];
  const told = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ErthError)) throw error;
      problems.push(`${error.code} ${error.message}`);
    }
  };
  await told(async () => {
    const scanned = await withFileRange(path, (range) => scanZip(range, limits));
    problems.push(...scanned.problems.map(({ code, message }) => `${code} ${message}`));
    ({ members } = scanned);
  });
  for (const member of members) {
    await told(async () => {
      const pieces: Uint8Array[] = [];
      for await (const piece of zipContent(path, member)) pieces.push(piece);
      content[member.name] = Buffer.concat(pieces).toString("latin1");
    });
  }
  return { problems, members, content };
}

async function lookAt(bytes: Uint8Array, limits = LIMITS): Promise<Seen> {
  const path = join(await scratchFolder(), "a.zip");
  await writeFile(path, bytes);
  return await look(path, limits);
}

const TEXT = Buffer.from("some text, some text, some text");
const GOOD: readonly RawEntry[] = [
  { name: "app/" },
  { name: "app/Ünïcode.txt", content: TEXT, mode: 0o100755 },
  { name: "app/stored", content: TEXT, isStored: true },
  { name: "app/empty" },
  { name: "app/link", content: Buffer.from("stored"), isStored: true, mode: 0o120777 },
  { name: "app/streamed", content: TEXT, descriptor: "right" },
];

test("an honest archive has no problem, and comes back as it was", async () => {
  const { problems, members, content } = await lookAt(rawZip(GOOD));
  expect(problems).toEqual([]);
  expect(members.map(({ name, kind, mode }) => `${kind} ${name} ${mode.toString(8)}`)).toEqual([
    "folder app 755",
    "file app/Ünïcode.txt 755",
    "file app/stored 644",
    "file app/empty 644",
    "link app/link 777",
    "file app/streamed 644",
  ]);
  expect(content).toMatchObject({
    "app/Ünïcode.txt": TEXT.toString(),
    "app/streamed": TEXT.toString(),
    "app/empty": "",
  });
});

test.each<readonly [string, readonly RawEntry[], RawZip, RegExp]>([
  ["a path that climbs", [{ name: "../x" }], {}, /ZIP_PATH "\.\.\/x": its path leaves/],
  ["a path that climbs later", [{ name: "a/../../x" }], {}, /ZIP_PATH/],
  ["an absolute path", [{ name: "/etc/passwd" }], {}, /ZIP_PATH .* absolute/],
  ["a drive", [{ name: "C:x" }], {}, /ZIP_PATH .* drive/],
  ["a backslash", [{ name: "a\\..\\x" }], {}, /ZIP_PATH .* backslash/],
  ["a line feed", [{ name: "a\nb" }], {}, /ZIP_PATH .* control/],
  ["no name", [{ name: "" }], {}, /ZIP_PATH .* no name/],
  ["the same name twice", [{ name: "a", content: TEXT }, { name: "a" }], {}, /ZIP_PATH "a": it is there twice/],
  ["names that differ in case", [{ name: "App" }, { name: "app" }], {}, /ZIP_PATH "app": it is "App" as well/],
  ["names that differ in composition", [{ name: "é" }, { name: "e\u0301" }], {}, /ZIP_PATH .* as well/],
  [
    "a file in a link",
    [
      { name: "a", content: Buffer.from("/tmp"), mode: 0o120777 },
      { name: "a/x", content: TEXT },
    ],
    {},
    /ZIP_PATH "a\/x": it lies in "a", which is a link/,
  ],
  ["a file in a file", [{ name: "a" }, { name: "a/x" }], {}, /ZIP_PATH "a\/x": it lies in "a", which is a file/],
  ["a device", [{ name: "a", mode: 0o020666 }], {}, /ZIP_UNSUPPORTED .* neither file, folder nor link/],
  [
    "an encrypted entry",
    [{ name: "a", directory: { flags: 0x801 }, local: { flags: 0x801 } }],
    {},
    /ZIP_UNSUPPORTED .* encrypted/,
  ],
  [
    "an unknown method",
    [{ name: "a", directory: { method: 9 }, local: { method: 9 } }],
    {},
    /ZIP_UNSUPPORTED .* method 9/,
  ],
  ["another name in the local header", [{ name: "a", local: { name: "b" } }], {}, /ZIP_CONTRADICTION .* names "b"/],
  [
    "another size in the local header",
    [{ name: "a", content: TEXT, local: { bytes: 3 } }],
    {},
    /ZIP_CONTRADICTION .* size 3/,
  ],
  [
    "another checksum in the local header",
    [{ name: "a", content: TEXT, local: { crc32: 3 } }],
    {},
    /ZIP_CONTRADICTION .* CRC-32 3/,
  ],
  ["a wrong descriptor", [{ name: "a", content: TEXT, descriptor: "wrong" }], {}, /ZIP_CONTRADICTION .* descriptor/],
  ["no local header", [{ name: "a", directory: { offset: 1 } }], {}, /ZIP_DAMAGED .* no local header/],
  [
    "an entry over another",
    [
      { name: "a", content: TEXT },
      { name: "b", content: TEXT, directory: { offset: 0 } },
    ],
    {},
    /ZIP_OVERLAP/,
  ],
  [
    "bytes before the archive",
    [{ name: "a" }],
    { prefix: Buffer.from("MZ") },
    /ZIP_HIDDEN 2 bytes lie between the beginning/,
  ],
  ["bytes between entries", [{ name: "a", gap: Buffer.from("hidden") }, { name: "b" }], {}, /ZIP_HIDDEN 6 bytes/],
  ["bytes before the directory", [{ name: "a", gap: Buffer.from("hidden") }], {}, /ZIP_HIDDEN 6 bytes .* directory/],
  ["a comment", [{ name: "a" }], { comment: "hello" }, /ZIP_HIDDEN 5 bytes .* comment/],
  [
    "bytes behind the archive",
    [{ name: "a" }],
    { suffix: Buffer.from("hidden") },
    /ZIP_HIDDEN 6 bytes follow the archive/,
  ],
  [
    "a wrong checksum",
    [{ name: "a", content: TEXT, directory: { crc32: 1 }, local: { crc32: 1 } }],
    {},
    /ZIP_DAMAGED .* checksum/,
  ],
  [
    "a size that is too small",
    [{ name: "a", content: TEXT, directory: { bytes: 3 }, local: { bytes: 3 } }],
    {},
    /ZIP_DAMAGED .* more than the 3 bytes/,
  ],
  [
    "a size that is too big",
    [{ name: "a", content: TEXT, directory: { bytes: 99 }, local: { bytes: 99 } }],
    {},
    /ZIP_DAMAGED .* of 99 bytes/,
  ],
  [
    "a size that deflate cannot have",
    [{ name: "a", content: TEXT, directory: { bytes: 1 << 24 }, local: { bytes: 1 << 24 } }],
    {},
    /ZIP_SIZE/,
  ],
  ["fewer entries than it says", [{ name: "a" }], { count: 2 }, /ZIP_DAMAGED/],
  ["more entries than it says", [{ name: "a" }, { name: "b" }], { count: 1 }, /ZIP_HIDDEN .* last record/],
  ["no archive at all", [], { prefix: Buffer.from("text"), count: 3 }, /ZIP_DAMAGED/],
])("%s is reported", async (_, entries, zip, expected) => {
  const { problems, content } = await lookAt(rawZip(entries, zip));
  expect(problems.join("\n")).toMatch(expected);
  // What has an unsafe name is never read.
  if (expected.source.includes("ZIP_PATH")) expect(Object.keys(content).length).toBeLessThan(entries.length);
});

test("bombs are refused by what they promise, before anything is unpacked", async () => {
  const zeros = Buffer.alloc(80 << 20);
  const bomb = rawZip([{ name: "zeros", content: zeros }]);
  expect(bomb.length).toBeLessThan(100_000);
  expect(await lookAt(bomb)).toMatchObject({
    problems: [expect.stringMatching(/^ZIP_LIMIT .* would unpack to 83886080/)],
    content: {},
  });
  const many = rawZip(Array.from({ length: 1001 }, (_, index) => ({ name: String(index) })));
  expect((await lookAt(many)).problems).toEqual([expect.stringMatching(/^ZIP_LIMIT .* 1001 entries/)]);
  const whole = { ...LIMITS, maxBytes: 20 };
  expect((await lookAt(rawZip([{ name: "a", content: TEXT }]), whole)).problems[0]).toMatch(/^ZIP_LIMIT/);
});

test("something behind deflated data, inside its entry, is reported", async () => {
  const zip = rawZip([{ name: "a", content: TEXT, gap: Buffer.from("hidden") }]);
  const compressed = zip.readUInt32LE(18) + 6;
  zip.writeUInt32LE(compressed, 18);
  zip.writeUInt32LE(compressed, zip.indexOf("PK\u0001\u0002") + 20);
  expect((await lookAt(zip)).problems).toEqual([expect.stringMatching(/ZIP_DAMAGED .* behind its compressed data/)]);
});

test("every truncated archive is reported", async () => {
  const bytes = rawZip(GOOD);
  const unreported: number[] = [];
  const path = join(await scratchFolder(), "a.zip");
  for (let length = 0; length < bytes.length; length += 1) {
    await writeFile(path, bytes.subarray(0, length));
    if ((await look(path)).problems.length === 0) unreported.push(length);
  }
  expect(unreported).toEqual([]);
});

test("damage is reported or harmless, and never a crash", async () => {
  const bytes = rawZip(GOOD);
  const path = join(await scratchFolder(), "a.zip");
  const change = fc.tuple(fc.nat(bytes.length - 1), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0xffffffff));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      const damaged = Buffer.from(bytes);
      for (const [at, value] of changes) {
        if (value > 0xff && at + 4 <= damaged.length) damaged.writeUInt32LE(value, at);
        else damaged[at] = value & 0xff;
      }
      await writeFile(path, damaged);
      const { problems, content } = await look(path);
      // Where nothing is reported, everything that is read is what it was.
      if (problems.length === 0)
        for (const text of Object.values(content)) expect(["", "stored", TEXT.toString()]).toContain(text);
    }),
    { numRuns: 120 },
  );
});

const has7z = spawnSync("7z", []).status === 0;
const hasPython = spawnSync("python3", ["--version"]).status === 0;

test.skipIf(!has7z)("an archive by 7-Zip has no problem", async () => {
  const folder = await scratchFolder();
  await mkdir(join(folder, "app"));
  await writeFile(join(folder, "app", "a.txt"), TEXT);
  await writeFile(join(folder, "app", "ä.bin"), Buffer.alloc(100_000, 7));
  await symlink("a.txt", join(folder, "app", "link"));
  execFileSync("7z", ["a", "-tzip", "-snl", "a.zip", "app"], { cwd: folder, stdio: "ignore" });
  const { problems, members } = await look(join(folder, "a.zip"));
  expect(problems).toEqual([]);
  expect(members.find(({ name }) => name === "app/link")?.kind).toBe("link");
});

const PYTHON = `
import zipfile
with zipfile.ZipFile("a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    with archive.open("wide", "w", force_zip64=True) as entry:
        entry.write(b"erth" * 1000)
`;

test.skipIf(!hasPython)("a Zip64 archive by Python has no problem", async () => {
  const folder = await scratchFolder();
  execFileSync("python3", ["-c", PYTHON], { cwd: folder });
  const { problems, content } = await look(join(folder, "a.zip"));
  expect(problems).toEqual([]);
  expect(content).toEqual({ wide: "erth".repeat(1000) });
});
