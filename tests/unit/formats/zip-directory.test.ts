import * as fc from "fast-check";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseZipDirectory, readZipDirectory } from "../../../build/formats/zip-directory.ts";
import { writeZip, type ZipEntry, type ZipOptions } from "../../../build/formats/zip.ts";
import { scratchFolder } from "../../support/scratch.ts";

const OPTIONS: ZipOptions = { deflateLevel: 5, signal: new AbortController().signal, onFile: () => undefined };

function record(name: string): Buffer {
  const bytes = Buffer.alloc(46 + Buffer.byteLength(name));
  bytes.writeUInt32LE(0x02014b50);
  bytes.writeUInt32LE(7, 20);
  bytes.writeUInt32LE(9, 24);
  bytes.writeUInt16LE(Buffer.byteLength(name), 28);
  bytes.writeUInt16LE(0o100755, 40);
  bytes.write(name, 46);
  return bytes;
}

test("records read back, cut ones do not", () => {
  const directory = Buffer.concat([record("a/漢"), record("b")]);
  expect(parseZipDirectory(directory, 2)).toEqual([
    { name: "a/漢", method: 0, compressedBytes: 7, bytes: 9, mode: 0o100755, crc32: 0, offset: 0, raw: record("a/漢") },
    { name: "b", method: 0, compressedBytes: 7, bytes: 9, mode: 0o100755, crc32: 0, offset: 0, raw: record("b") },
  ]);
  for (let length = 0; length < directory.length; length += 1) {
    expect(() => parseZipDirectory(directory.subarray(0, length), 2)).toThrowError(
      expect.objectContaining({ code: "ZIP_DAMAGED" }),
    );
  }
});

test("any bytes as a zip are read or refused", async () => {
  const path = join(await scratchFolder(), "x.zip");
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), fc.nat(80), fc.nat(80), async (noise, length, offset) => {
      const end = Buffer.alloc(22);
      end.writeUInt32LE(0x06054b50);
      end.writeUInt32LE(length, 12);
      end.writeUInt32LE(offset, 16);
      await writeFile(path, Buffer.concat([noise, end]));
      const found = await readZipDirectory(path).catch((error: unknown) => error);
      if (!Array.isArray(found)) expect(found).toMatchObject({ code: "ZIP_DAMAGED" });
    }),
    { numRuns: 60 },
  );
});

test("a name that archiver would change is refused", async () => {
  const folder = await scratchFolder();
  await writeFile(join(folder, "f"), "x");
  const entries: readonly ZipEntry[] = [{ kind: "file", name: "c:name", file: join(folder, "f"), mode: 0o644 }];
  await expect(writeZip(join(folder, "x.zip"), entries, OPTIONS)).rejects.toMatchObject({ code: "ZIP_NAME" });
});

test("a file that is missing, a folder that cannot be written, an abort: all end, with the cause", async () => {
  const folder = await scratchFolder();
  await writeFile(join(folder, "f"), "x".repeat(100_000));
  const missing: readonly ZipEntry[] = [{ kind: "file", name: "a", file: join(folder, "none"), mode: 0o644 }];
  await expect(writeZip(join(folder, "x.zip"), missing, OPTIONS)).rejects.toMatchObject({ code: "ENOENT" });
  const there: readonly ZipEntry[] = [{ kind: "file", name: "a", file: join(folder, "f"), mode: 0o644 }];
  await expect(writeZip(join(folder, "none/x.zip"), there, OPTIONS)).rejects.toMatchObject({ code: "ENOENT" });
  await expect(
    writeZip(join(folder, "y.zip"), there, { ...OPTIONS, signal: AbortSignal.abort() }),
  ).rejects.toMatchObject({ name: "AbortError" });
});
