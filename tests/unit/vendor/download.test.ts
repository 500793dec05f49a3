import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { archiveUrl, parseContentRange } from "../../../build/vendor/byte-sources.ts";
import { digestFrom } from "../../../build/vendor/digest.ts";
import { type ByteSource, download, type DownloadRequest } from "../../../build/vendor/download.ts";
import { shownUrl, unreachable } from "../../../build/vendor/vendor-errors.ts";

const BYTES = Buffer.from("the bytes of a binary that we did not build");
const DIGEST = digestFrom(createHash("sha256").update(BYTES).digest("hex"));

function part(): string {
  const folder = mkdtempSync(join(tmpdir(), "erth-download-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "x.part");
}

/** A source that sends one chunk of `chunk` bytes after the other, from where it is asked. */
function source(bytes: Uint8Array = BYTES, chunk = 7, totalBytes: number | undefined = bytes.length): ByteSource {
  return {
    url: "https://example.org/x",
    open: async (offset) => ({
      start: offset,
      totalBytes,
      body: (async function* body() {
        for (let at = offset; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
      })(),
    }),
  };
}

function request(more: Partial<DownloadRequest> = {}): DownloadRequest {
  return {
    name: "core",
    source: source(),
    path: part(),
    expected: DIGEST,
    patience: { attempts: 2, backoffMs: 1, stallMs: 30_000 },
    signal: new AbortController().signal,
    onBytes: () => undefined,
    ...more,
  };
}

test("whatever was kept of the right file, the rest is added and the whole verified", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(BYTES.length), fc.integer({ min: 1, max: 50 }), async (kept, chunk) => {
      const asked = request({ source: source(BYTES, chunk) });
      writeFileSync(asked.path, BYTES.subarray(0, kept));
      expect(await download(asked)).toEqual({ bytes: BYTES.length, digest: DIGEST.text });
      expect(readFileSync(asked.path)).toEqual(BYTES);
    }),
    { numRuns: 40 },
  );
});

test("a part that is already whole asks nobody", async () => {
  const asked = request({ source: { url: "x", open: () => Promise.reject(new Error("asked")) } });
  writeFileSync(asked.path, BYTES);
  expect(await download(asked)).toEqual({ bytes: BYTES.length, digest: DIGEST.text });
});

test("a part longer than the file, or of other bytes, is thrown away", async () => {
  for (const kept of [Buffer.concat([BYTES, BYTES]), Buffer.alloc(BYTES.length), Buffer.alloc(3)]) {
    const asked = request({ expectedBytes: BYTES.length });
    writeFileSync(asked.path, kept);
    await download(asked);
    expect(readFileSync(asked.path)).toEqual(BYTES);
  }
});

test.each(["ENOSPC", "EDQUOT"])("a disk that is full (%s) says so, and what was written stays", async (code) => {
  const openFile = async (path: string): Promise<FileHandle> => {
    const handle = await open(path, "w+");
    let left = 2;
    return new Proxy(handle, {
      get: (target, key) => {
        if (key === "write" && left === 0) {
          return () => Promise.reject(Object.assign(new Error(`${code}: no space left`), { code }));
        }
        if (key === "write") left -= 1;
        const value: unknown = Reflect.get(target, key);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  };
  const asked = request({ openFile });
  await expect(download(asked)).rejects.toMatchObject({
    code: "DISK_FULL",
    remedy: expect.stringContaining("ERTH_CACHE"),
  });
  expect(statSync(asked.path).size).toBe(14);
});

test("silence ends an attempt, and the error says how long it was", async () => {
  const silent: ByteSource = {
    url: "https://example.org/x",
    open: (_, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
  };
  const patience = { attempts: 2, backoffMs: 1, stallMs: 200 };
  await expect(download(request({ source: silent, patience }))).rejects.toMatchObject({
    code: "VENDOR_UNREACHABLE",
    message: expect.stringContaining("no byte for 0.2 s"),
  });
});

test("a body that never ends is cut off at the size the server or the lock named", async () => {
  const endless = source(Buffer.alloc(10_000), 100, 500);
  await expect(download(request({ source: endless }))).rejects.toMatchObject({
    code: "VENDOR_UNREACHABLE",
    message: expect.stringContaining("more than 500 bytes"),
  });
  const unsaid = source(Buffer.alloc(10_000), 100);
  const asked = request({
    source: { ...unsaid, open: async (...at) => ({ ...(await unsaid.open(...at)), totalBytes: undefined }) },
    expectedBytes: 300,
  });
  await expect(download(asked)).rejects.toThrow("more than 300 bytes");
  expect(statSync(asked.path).size).toBe(0);
});

test("a body that ends early without a word is noticed by the locked size, and continued", async () => {
  const offsets: number[] = [];
  const short: ByteSource = {
    url: "https://example.org/x",
    open: async (offset, signal) => {
      offsets.push(offset);
      const end = offsets.length === 1 ? 10 : BYTES.length;
      return { ...(await source(BYTES.subarray(0, end)).open(offset, signal)), totalBytes: undefined };
    },
  };
  await download(request({ source: short, expectedBytes: BYTES.length }));
  expect(offsets).toEqual([0, 10]);
  const asked = request({ source: source(BYTES.subarray(0, 10), 7), expectedBytes: BYTES.length });
  const silent: ByteSource = {
    ...asked.source,
    open: async (...at) => ({ ...(await asked.source.open(...at)), totalBytes: undefined }),
  };
  await expect(download({ ...asked, source: silent })).rejects.toMatchObject({
    code: "VENDOR_UNREACHABLE",
    message: expect.stringContaining(`ended after 10 of ${BYTES.length} bytes`),
  });
});

test("a server that answers from the wrong byte is not believed", async () => {
  const shifted: ByteSource = {
    ...source(),
    open: async (offset) => ({ ...(await source().open(0, AbortSignal.timeout(1))), start: offset + 3 }),
  };
  await expect(download(request({ source: shifted }))).rejects.toThrow("asked for byte 0, got byte 3");
});

test("content-range is read exactly, and nothing else passes for it", () => {
  expect(parseContentRange("bytes 5-9/10")).toEqual({ start: 5, totalBytes: 10 });
  expect(parseContentRange("bytes 5-9/*")).toEqual({ start: 5, totalBytes: undefined });
  for (const bad of [null, "", "bytes */10", "items 5-9/10", "bytes 5-9/10, 1-2/10", "bytes -5/10"]) {
    expect(() => parseContentRange(bad)).toThrow("content-range");
  }
  fc.assert(
    fc.property(fc.string(), (header) => {
      fc.pre(!/^bytes \d{1,15}-\d{1,15}\/(\d{1,15}|\*)$/.test(header));
      expect(() => parseContentRange(header)).toThrow("content-range");
    }),
  );
});

test("a mirror keeps its own path and query, and takes only the archive's file name", () => {
  const url = "https://example.org/v1/core.tar.gz?token=x";
  expect(archiveUrl(url, undefined)).toBe(url);
  expect(archiveUrl(url, "")).toBe(url);
  expect(archiveUrl(url, "https://mirror.example/deep/")).toBe("https://mirror.example/deep/core.tar.gz");
  expect(archiveUrl(url, "https://mirror.example")).toBe("https://mirror.example/core.tar.gz");
  expect(() => archiveUrl(url, "ftp://mirror.example")).toThrow(expect.objectContaining({ code: "VENDOR_MIRROR" }));
});

test("no message shows a password, a token or a signed query", () => {
  const url = "https://ann:s3cret@example.org/x.tgz?sig=s3cret#s3cret";
  expect(shownUrl(url)).toBe("https://example.org/x.tgz");
  const error = unreachable("core", url, new Error(`request to ${url} failed, reason: reset`));
  expect(error.message).not.toContain("s3cret");
  expect(error.message).toContain("reason: reset");
});
