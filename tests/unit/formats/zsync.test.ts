import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { md4 } from "../../../build/formats/md4.ts";
import { encodeZsync } from "../../../build/formats/zsync.ts";

async function* pieces(bytes: Uint8Array, step: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += step) yield await Promise.resolve(bytes.subarray(at, at + step));
}

function noise(bytes: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: bytes }, (_, at) => (at * 2_654_435_761) >>> 13));
}

test("MD4 gives the digests of RFC 1320, A.5", () => {
  const digests: Readonly<Record<string, string>> = {
    "": "31d6cfe0d16ae931b73c59d7e0c089c0",
    a: "bde52cb31de33e46245e05fbdbd6fb24",
    abc: "a448017aaf21d8525fc10ae87aa6729d",
    "message digest": "d9130a8164549fe818874806e1c7014b",
    abcdefghijklmnopqrstuvwxyz: "d79e1c308aa5bbcdeea8ed63df412da9",
    ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789: "043f8582f241db351ce627e153e7f0e4",
    "12345678901234567890123456789012345678901234567890123456789012345678901234567890":
      "e33b4ddc9c38f2199c3e7b164fcc0536",
  };
  for (const [text, digest] of Object.entries(digests)) expect(md4(Buffer.from(text)).toString("hex")).toBe(digest);
});

test("a control file is text, an empty line, and a fixed number of bytes for each block", async () => {
  const bytes = noise(5000);
  const control = await encodeZsync({ fileName: "Nötes 1.AppImage", fileBytes: 5000, chunks: pieces(bytes, 777) });
  const end = control.indexOf("\n\n") + 2;
  expect(control.toString("utf8", 0, end)).toBe(
    "zsync: 0.6.2\nFilename: Nötes 1.AppImage\nBlocksize: 2048\nLength: 5000\nHash-Lengths: 2,2,3\n" +
      "URL: N%C3%B6tes%201.AppImage\nSHA-1: " +
      `${createHash("sha1").update(bytes).digest("hex")}\n\n`,
  );
  expect(control.length - end).toBe(3 * (2 + 3));
});

test("how the bytes arrive makes no difference", async () => {
  const bytes = noise(40_000);
  const encode = (step: number): Promise<Buffer> =>
    encodeZsync({ fileName: "a", fileBytes: bytes.length, chunks: pieces(bytes, step) });
  expect(await encode(1)).toEqual(await encode(100_000));
  expect(await encode(2048)).toEqual(await encode(2047));
});

test("a file that is not as long as it was said to be is a bug", async () => {
  const chunks = pieces(noise(10), 10);
  await expect(encodeZsync({ fileName: "a", fileBytes: 11, chunks })).rejects.toThrowError("a gave 10 of 11 bytes");
});
