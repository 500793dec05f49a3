/** zsync's own maker writes the same control file, and its client updates a real file by ours, over loopback. */
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createReadStream, readFileSync, statSync } from "node:fs";
import { copyFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { encodeZsync } from "../../build/formats/zsync.ts";
import { packageSmallApp } from "../integration/stub/small-app.ts";
import { scratchFolder } from "../support/scratch.ts";

const hasZsync = spawnSync("zsyncmake", ["-V"]).error === undefined && spawnSync("zsync", ["-V"]).error === undefined;

async function control(path: string, fileName: string): Promise<Buffer> {
  const chunks = createReadStream(path) as AsyncIterable<Buffer>;
  return encodeZsync({ fileName, fileBytes: statSync(path).size, chunks });
}

/** Serves a folder with byte ranges, several at once, as release hosts do; counts the bytes of all but control files. */
async function serve(folder: string): Promise<{ readonly address: string; readonly sent: () => number }> {
  let sent = 0;
  const server = createServer((request, response) => {
    const path = join(folder, decodeURIComponent(request.url ?? ""));
    const file = readFileSync(path);
    const ranges = (request.headers.range ?? "")
      .replace("bytes=", "")
      .split(",")
      .flatMap((range) => (range === "" ? [] : [range.split("-").map(Number) as [from: number, to: number]]));
    const parts = ranges.map(([from, to]) => ({ from, bytes: file.subarray(from, to + 1) }));
    if (!path.endsWith(".zsync")) sent += parts.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const [only] = parts;
    const rangeOf = (from: number, bytes: Buffer): string => `bytes ${from}-${from + bytes.length - 1}/${file.length}`;
    // zsync takes no chunked answers, so each has its length.
    const answer = (status: number, headers: Record<string, string>, body: Buffer): void => {
      response.writeHead(status, { "content-length": body.length, ...headers }).end(body);
    };
    if (only === undefined) answer(200, {}, file);
    else if (parts.length === 1) answer(206, { "content-range": rangeOf(only.from, only.bytes) }, only.bytes);
    else {
      const body = parts.flatMap(({ from, bytes }) => [
        Buffer.from(`\r\n--part\r\nContent-Range: ${rangeOf(from, bytes)}\r\n\r\n`),
        bytes,
      ]);
      const headers = { "content-type": "multipart/byteranges; boundary=part" };
      answer(206, headers, Buffer.concat([...body, Buffer.from("\r\n--part--\r\n")]));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sent: () => sent };
}

describe.skipIf(!hasZsync)("zsync", () => {
  test.each([1, 2047, 2048, 2049, 70_000, 3_000_000, 100_000_000])(
    "zsyncmake writes the same for %i bytes, but for the file's time",
    async (bytes) => {
      const folder = await scratchFolder();
      const path = join(folder, "file.bin");
      await writeFile(path, bytes < 10_000_000 ? randomBytes(bytes) : Buffer.alloc(bytes, randomBytes(4096)));
      execFileSync("zsyncmake", ["-u", "file.bin", "-o", "file.zsync", "file.bin"], { cwd: folder, stdio: "pipe" });
      const theirs = readFileSync(join(folder, "file.zsync"));
      const [from, to] = [theirs.indexOf("MTime: "), theirs.indexOf("Blocksize: ")];
      const timeless = Buffer.concat([theirs.subarray(0, from), theirs.subarray(to)]);
      expect((await control(path, "file.bin")).equals(timeless)).toBe(true);
    },
  );

  test("an AppImage is updated by the blocks that changed", async () => {
    const [folder, client] = [await scratchFolder(), await scratchFolder()];
    const ballast = randomBytes(4 << 20);
    const version = async (text: string): Promise<string> => {
      const change = (root: string): Promise<void> => writeFile(join(root, "ballast"), ballast);
      return (await packageSmallApp({ format: "appimage", version: text, change })).path;
    };
    const fileName = "Notes 2 β.AppImage";
    const served = join(folder, fileName);
    await copyFile(await version("2, which is longer than the first one was, so that all else moves"), served);
    await copyFile(await version("1"), join(client, "old.AppImage"));
    await writeFile(`${served}.zsync`, await control(served, fileName));
    const { address, sent } = await serve(folder);
    const url = `${address}/${encodeURIComponent(`${fileName}.zsync`)}`;
    await promisify(execFile)("zsync", ["-q", "-i", "old.AppImage", "-o", "new.AppImage", url], { cwd: client });
    expect(readFileSync(join(client, "new.AppImage")).equals(readFileSync(served))).toBe(true);
    expect(sent()).toBeGreaterThan(0);
    expect(sent()).toBeLessThan(statSync(served).size / 20);
  });
});
