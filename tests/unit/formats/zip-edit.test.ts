import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { withFileRange } from "../../../build/formats/byte-range.ts";
import { readZip } from "../../../build/formats/zip-directory.ts";
import { appendWithFile } from "../../../build/formats/zip-edit.ts";
import { writeZip } from "../../../build/formats/zip.ts";
import { writeThrough } from "../../support/containers.ts";
import { scratchFolder } from "../../support/scratch.ts";

const OPTIONS = { deflateLevel: 5, signal: new AbortController().signal, onFile: () => undefined };
const TEXT = Buffer.from("plain text, ".repeat(500));

async function zipped() {
  const folder = await scratchFolder();
  const at = (name: string): string => join(folder, name);
  await writeFile(at("text"), TEXT);
  await writeFile(at("noise"), randomBytes(3000));
  const path = at("a.zip");
  await writeZip(
    path,
    [
      { kind: "folder", name: "漢.app" },
      { kind: "file", name: "漢.app/text", file: at("text"), mode: 0o644 },
      { kind: "file", name: "漢.app/noise", file: at("noise"), mode: 0o755 },
      { kind: "link", name: "漢.app/link", target: "text" },
    ],
    OPTIONS,
  );
  return { at, path };
}

function added(path: string, output: string, name: string, content: string): Promise<void> {
  return withFileRange(path, async (range) => {
    const file = { name, mode: 0o100644, content: Buffer.from(content) };
    const zip = await readZip(range);
    await writeThrough(output, (sink) => appendWithFile(sink, range, zip, file));
  });
}

test("a file is added, and replaced, and other readers take the result; everything before it is untouched", async () => {
  const { path, at } = await zipped();
  await added(path, at("b.zip"), "漢.app/ticket", "one");
  await added(at("b.zip"), at("c.zip"), "漢.app/ticket", "two, and longer");
  const { offset } = await withFileRange(path, readZip);
  for (const name of ["b.zip", "c.zip"]) {
    execFileSync("unzip", ["-tqq", at(name)]);
    expect((await readFile(at(name))).subarray(0, offset)).toEqual((await readFile(path)).subarray(0, offset));
  }
  execFileSync("unzip", ["-q", at("c.zip"), "-d", at("out")], { env: { ...process.env, LC_ALL: "C.UTF-8" } });
  expect(await readFile(at("out/漢.app/ticket"), "utf8")).toBe("two, and longer");
  expect(await readFile(at("out/漢.app/link"))).toEqual(TEXT);
  const { records } = await withFileRange(at("c.zip"), readZip);
  expect(records.map(({ name, mode }) => [name, mode.toString(8)])).toEqual([
    ["漢.app/", "40755"],
    ["漢.app/text", "100644"],
    ["漢.app/noise", "100755"],
    ["漢.app/link", "120777"],
    ["漢.app/ticket", "100644"],
  ]);
});
