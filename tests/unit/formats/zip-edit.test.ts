import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { addMember, extractMember, readZipContents } from "../../../build/formats/zip-edit.ts";
import { writeZip } from "../../../build/formats/zip.ts";
import { scratchFolder } from "../../support/scratch.ts";

const OPTIONS = { deflateLevel: 5, signal: new AbortController().signal, onFile: () => undefined };
const TEXT = Buffer.from("plain text, ".repeat(500));

async function zipped() {
  const folder = await scratchFolder();
  const at = (name: string): string => join(folder, name);
  await writeFile(at("text"), TEXT);
  await writeFile(at("empty"), "");
  await writeFile(at("noise"), randomBytes(3000));
  const path = at("a.zip");
  await writeZip(
    path,
    [
      { kind: "folder", name: "漢.app" },
      { kind: "file", name: "漢.app/text", file: at("text"), mode: 0o644 },
      { kind: "file", name: "漢.app/empty", file: at("empty"), mode: 0o755 },
      { kind: "file", name: "漢.app/noise", file: at("noise"), mode: 0o644 },
      { kind: "link", name: "漢.app/link", target: "text" },
    ],
    OPTIONS,
  );
  return { folder, at, path };
}

async function added(path: string, output: string, name: string, content: Uint8Array): Promise<void> {
  const contents = await readZipContents(path);
  const like = contents.members.find((member) => member.name.endsWith("/text"))!;
  const handle = await open(output, "w");
  await addMember(path, handle, contents, { name, like, content });
  await handle.close();
}

test("members come out as they went in", async () => {
  const { path, at } = await zipped();
  const { members } = await readZipContents(path);
  expect(members.map(({ name }) => name)).toEqual([
    "漢.app/",
    "漢.app/text",
    "漢.app/empty",
    "漢.app/noise",
    "漢.app/link",
  ]);
  for (const name of ["text", "empty", "noise"]) {
    await extractMember(
      path,
      members.find((member) => member.name === `漢.app/${name}`)!,
      at(`out-${name}`),
    );
    expect(await readFile(at(`out-${name}`))).toEqual(await readFile(at(name)));
  }
});

test("a member is added, and replaced, and other readers take the result; everything before it is untouched", async () => {
  const { path, at } = await zipped();
  await added(path, at("b.zip"), "漢.app/ticket", Buffer.from("one"));
  await added(at("b.zip"), at("c.zip"), "漢.app/ticket", Buffer.from("two, and longer"));
  const { directoryOffset } = await readZipContents(path);
  for (const name of ["b.zip", "c.zip"]) {
    execFileSync("unzip", ["-tqq", at(name)]);
    expect((await readFile(at(name))).subarray(0, directoryOffset)).toEqual(
      (await readFile(path)).subarray(0, directoryOffset),
    );
  }
  execFileSync("unzip", ["-q", at("c.zip"), "-d", at("out")], { env: { ...process.env, LC_ALL: "C.UTF-8" } });
  expect(await readFile(at("out/漢.app/ticket"), "utf8")).toBe("two, and longer");
  expect(await readFile(at("out/漢.app/link"))).toEqual(TEXT);
  expect((await readZipContents(at("c.zip"))).members.filter(({ name }) => name.endsWith("ticket"))).toHaveLength(1);
});

test("a zip that is cut anywhere is refused, and so is a changed member", async () => {
  const { path, at } = await zipped();
  const whole = await readFile(path);
  for (let length = 0; length < whole.length; length += Math.ceil(whole.length / 150)) {
    await writeFile(at("cut.zip"), whole.subarray(0, length));
    await expect(readZipContents(at("cut.zip"))).rejects.toMatchObject({ code: "ZIP_DAMAGED" });
  }
  const { members } = await readZipContents(path);
  const noise = members.find(({ name }) => name.endsWith("noise"))!;
  whole[noise.localOffset + 200] = (whole[noise.localOffset + 200] ?? 0) ^ 1;
  await writeFile(at("changed.zip"), whole);
  await expect(extractMember(at("changed.zip"), noise, at("out"))).rejects.toMatchObject({ code: "ZIP_DAMAGED" });
  await expect(extractMember(path, { ...noise, bytes: 10 }, at("out"))).rejects.toMatchObject({ code: "ZIP_DAMAGED" });
  await expect(extractMember(path, { ...noise, localOffset: 3 }, at("out"))).rejects.toMatchObject({
    code: "ZIP_DAMAGED",
  });
});

test("any bytes as a directory are read or refused", async () => {
  const path = join(await scratchFolder(), "x.zip");
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 120 }),
      fc.nat(120),
      fc.nat(120),
      fc.nat(3),
      async (noise, length, offset, count) => {
        const end = Buffer.alloc(22);
        end.writeUInt32LE(0x06054b50);
        end.writeUInt16LE(count, 10);
        end.writeUInt32LE(length, 12);
        end.writeUInt32LE(offset, 16);
        await writeFile(path, Buffer.concat([noise, end]));
        const found: unknown = await readZipContents(path).catch((error: unknown) => error);
        if (found instanceof Error) expect(found).toMatchObject({ code: "ZIP_DAMAGED" });
      },
    ),
    { numRuns: 100 },
  );
});
