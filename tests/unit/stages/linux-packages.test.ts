import { readFile, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageFor } from "../../support/small-packages.ts";

const FORMATS = ["deb", "rpm", "tar.zst"] as const;
const sum = (bytes: Readonly<Record<string, number>>): number => Object.values(bytes).reduce((a, b) => a + b, 0);

test.each(FORMATS)("%s: the parts add up to the file, the same bytes whatever the dates", async (format) => {
  const change = (date: Date) => async (root: string) => {
    await writeFile(join(root, "notes.txt"), "note ".repeat(1000));
    await utimes(join(root, "notes.txt"), date, date);
  };
  const parts = { "notes.txt": "app code" } as const;
  const one = await packageFor(format, { parts, change: change(new Date()) });
  const two = await packageFor(format, { parts, change: change(new Date(0)) });
  const bytes = await readFile(one.path);
  expect(bytes.equals(await readFile(two.path))).toBe(true);
  expect(sum(one.facts.compressedBytes)).toBe(bytes.length);
  expect(Object.values(one.facts.compressedBytes).every((part) => part >= 0)).toBe(true);
  expect(one.facts.compressedBytes.container).toBeGreaterThan(0);
});

test.each(FORMATS)("%s: a name with a line break is refused, since lists of files have one a line", async (format) => {
  const change = (root: string) => writeFile(join(root, "two\nlines"), "");
  const packaging = packageFor(format, { change, parts: { "two\nlines": "app code" } });
  await expect(packaging).rejects.toMatchObject({ code: "PACKAGE_NAME" });
});

test("rpm: a file of 4.1 GB is refused before anything is compressed", async () => {
  const change = async (root: string) => {
    await writeFile(join(root, "video"), "");
    await truncate(join(root, "video"), 4_300_000_000);
  };
  const packaging = packageFor("rpm", { change, parts: { video: "app code" } });
  await expect(packaging).rejects.toMatchObject({
    code: "PACKAGE_LIMIT",
    message: "usr/lib/plain-notes/video has 4300000000 bytes, and a file of an RPM may have 4294967295.",
  });
});
