import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Parser, type ReadEntry } from "tar";
import type { ArchiveEntry } from "../../../build/formats/archive-entry.ts";
import { lengthOf, readExtents } from "../../../build/formats/extent.ts";
import { layoutTar } from "../../../build/formats/tar.ts";

const file = (path: string, text: string, isExecutable = false): ArchiveEntry => ({
  kind: "file",
  path,
  isExecutable,
  content: { bytes: Buffer.from(text) },
});

async function bytesOf(entries: readonly ArchiveEntry[], root: "" | "./" = ""): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(readExtents(layoutTar(entries, root))));
}

interface Found {
  readonly path: string;
  readonly type: string;
  readonly mode: number | undefined;
  readonly link: string;
  readonly text: string;
}

/** Another's reader. */
async function found(bytes: Buffer): Promise<readonly Found[]> {
  const entries: Found[] = [];
  await new Promise<void>((resolve, reject) => {
    const parser = new Parser({ strict: true });
    parser.on("entry", (entry: ReadEntry) => {
      const chunks: Buffer[] = [];
      entry.on("data", (chunk: Buffer) => chunks.push(chunk));
      entry.on("end", () => {
        const { path, type, mode, linkpath = "" } = entry;
        expect([entry.uid, entry.gid]).toEqual([0, 0]);
        expect(entry.mtime).toEqual(new Date("2000-01-01T00:00:00Z"));
        entries.push({ path, type, mode, link: linkpath, text: Buffer.concat(chunks).toString() });
      });
    });
    parser.on("end", resolve);
    parser.on("error", reject);
    parser.end(bytes);
  });
  return entries;
}

test("entries read back as they were laid out", async () => {
  const deep = `${"d".repeat(120)}/${"漢".repeat(60)}`;
  const entries: readonly ArchiveEntry[] = [
    { kind: "folder", path: "usr" },
    file("usr/run", "#!/bin/sh\n", true),
    file("usr/empty", ""),
    file("usr/block", "x".repeat(512)),
    { kind: "link", path: "usr/link", target: "run" },
    { kind: "link", path: "usr/far", target: deep },
    file(deep, "deep"),
  ];
  const plain = { link: "", text: "" };
  expect(await found(await bytesOf(entries, "./"))).toEqual([
    { ...plain, type: "Directory", path: "./", mode: 0o755 },
    { ...plain, type: "Directory", path: "./usr/", mode: 0o755 },
    { ...plain, type: "File", path: "./usr/run", mode: 0o755, text: "#!/bin/sh\n" },
    { ...plain, type: "File", path: "./usr/empty", mode: 0o644 },
    { ...plain, type: "File", path: "./usr/block", mode: 0o644, text: "x".repeat(512) },
    { ...plain, type: "SymbolicLink", path: "./usr/link", mode: 0o777, link: "run" },
    { ...plain, type: "SymbolicLink", path: "./usr/far", mode: 0o777, link: deep },
    { ...plain, type: "File", path: `./${deep}`, mode: 0o644, text: "deep" },
  ]);
});

test("names around the 100 bytes of a header", async () => {
  const names = [99, 100, 101, 255].map((length) => "n".repeat(length));
  const entries = await found(await bytesOf(names.map((name) => file(name, name))));
  expect(entries.map(({ path }) => path)).toEqual(names);
});

test("a file above 8 GiB has its size in base 256", () => {
  const length = 9 * 2 ** 30;
  const content = { file: "", offset: 0, length };
  const extents = layoutTar([{ kind: "file", path: "big", isExecutable: false, content }], "");
  const [header] = extents;
  expect(extents.map(lengthOf)).toEqual([512, length, 1024]);
  if (header === undefined || !("bytes" in header)) throw new Error("a header holds its bytes");
  expect(Buffer.from(header.bytes).toString("hex", 124, 136)).toBe("800000000000000240000000");
});

test("any names and contents go through", async () => {
  const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 200 }).filter((text) => !/[\0/]/.test(text));
  await fc.assert(
    fc.asyncProperty(name, fc.string(), async (path, text) => {
      const [entry] = await found(await bytesOf([file(`x/${path}`, text)]));
      expect(entry).toMatchObject({ path: `x/${path}`, text });
    }),
    { numRuns: 60 },
  );
});
