/** What is in a package of each kind, decoded, and its digest: so that a change shows what moved. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { Parser, type ReadEntry } from "tar";
import { readAr } from "../../../build/formats/ar-reader.ts";
import { rangeOfBytes } from "../../../build/formats/byte-range.ts";
import { type RpmHeader, readRpm } from "../../../build/formats/rpm-reader.ts";
import { RPMSIGTAG, RPMTAG } from "../../../build/formats/rpm-tags.ts";
import { packageFor } from "../../support/small-packages.ts";

const LINUX = {
  license: "MIT",
  email: "notes@example.com",
  homepage: "https://example.com",
  protocols: ["notes"],
  fileTypes: [{ mimeType: "application/vnd.example.notes", extensions: ["notes"], description: "Notes" }],
};

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex").slice(0, 16);

async function tarLines(tar: Buffer): Promise<readonly string[]> {
  const lines: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const parser = new Parser({ strict: true });
    parser.on("entry", (entry: ReadEntry) => {
      const chunks: Buffer[] = [];
      entry.on("data", (chunk: Buffer) => chunks.push(chunk));
      entry.on("end", () => {
        const content = Buffer.concat(chunks);
        const mode = (entry.mode ?? 0).toString(8).padStart(4, "0");
        const what = entry.type === "File" ? `${content.length} ${digest(content)}` : (entry.linkpath ?? "");
        lines.push(`  ${mode} ${entry.path} ${what}`.trimEnd());
        const isText = /\/(control|md5sums|copyright|plain-notes)$|\.(desktop|xml)$/.test(entry.path);
        if (isText && entry.type === "File")
          lines.push(
            ...content
              .toString()
              .trimEnd()
              .split("\n")
              .map((line) => `    | ${line}`),
          );
      });
    });
    parser.on("end", resolve);
    parser.on("error", reject);
    parser.end(tar);
  });
  return lines;
}

function headerLines(header: RpmHeader, tags: Readonly<Record<string, number>>): readonly string[] {
  return Object.entries(tags).flatMap(([name, tag]) => {
    const values = [...header.strings(tag), ...header.numbers(tag)];
    return values.length === 0 ? [] : [`  ${name} ${JSON.stringify(values)}`];
  });
}

test("deb", async () => {
  const { path } = await packageFor("deb", { linux: LINUX });
  const bytes = await readFile(path);
  const lines = [`${bytes.length} ${digest(bytes)}`];
  for (const { name, offset, size } of await readAr(rangeOfBytes(bytes))) {
    const content = bytes.subarray(offset, offset + size);
    lines.push(`${name} ${size}`);
    if (name.endsWith(".gz")) lines.push(...(await tarLines(gunzipSync(content))));
    else if (name.endsWith(".zst")) lines.push(...(await tarLines(zstdDecompressSync(content))));
    else lines.push(`  ${JSON.stringify(content.toString())}`);
  }
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("deb.txt");
});

test("rpm", async () => {
  const { path } = await packageFor("rpm", { linux: LINUX });
  const bytes = await readFile(path);
  const { signature, main, payload } = await readRpm(rangeOfBytes(bytes));
  const cpio = zstdDecompressSync(bytes.subarray(payload.offset));
  const lines = [
    `${bytes.length} ${digest(bytes)}`,
    `lead ${bytes
      .subarray(0, 96)
      .toString("hex")
      .replace(/(00)+$/, "")}`,
    "signatures",
    ...headerLines(signature, RPMSIGTAG),
    "header",
    ...headerLines(main, RPMTAG),
    `payload ${payload.size}, cpio ${cpio.length} ${digest(cpio)}`,
  ];
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("rpm.txt");
});

test("tar.zst", async () => {
  const { path } = await packageFor("tar.zst", { linux: LINUX });
  const bytes = await readFile(path);
  const lines = [`${bytes.length} ${digest(bytes)}`, ...(await tarLines(zstdDecompressSync(bytes)))];
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("tar.zst.txt");
});
