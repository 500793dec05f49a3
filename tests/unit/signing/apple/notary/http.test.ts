import { createHash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Secret } from "../../../../../runtime/base/secret.ts";
import { exchange, retryAfterMs } from "../../../../../signing/apple/notary/http.ts";
import { plainText } from "../../../../../signing/apple/notary/plain-text.ts";
import { PassingFailure, pauseMs } from "../../../../../signing/apple/notary/retry.ts";
import { uploadToS3 } from "../../../../../signing/apple/notary/s3-upload.ts";
import type { NotarySurroundings } from "../../../../../signing/apple/notary/surroundings.ts";
import { scratchFolder } from "../../../../support/scratch.ts";

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `http://127.0.0.1:${address.port}`;
}

function surroundings(lines: string[] = [], signal = new AbortController().signal): NotarySurroundings {
  const sleep = (): Promise<void> => Promise.resolve();
  return { fetch, now: () => new Date(), sleep, random: () => 0, signal, report: (line) => void lines.push(line) };
}

const ask = (url: string) =>
  ({ service: "service", url, method: "GET", headers: {}, timeoutMs: 5000, maxBytes: 1000 }) as const;

test("silence passes after its time, and so do a closed port and half an answer", async () => {
  const silent = await serve(() => undefined);
  await expect(exchange({ ...ask(silent), timeoutMs: 50 }, surroundings())).rejects.toThrow("no answer within 0.05 s");
  await expect(exchange(ask("http://127.0.0.1:1"), surroundings())).rejects.toBeInstanceOf(PassingFailure);
  const half = await serve((_, response) => {
    response.writeHead(200, { "content-length": 10 });
    response.write("12345");
    setTimeout(() => response.destroy(), 10);
  });
  await expect(exchange(ask(half), surroundings())).rejects.toBeInstanceOf(PassingFailure);
});

test("a redirect is not followed, an endless answer not read", async () => {
  const elsewhere = await serve((_, response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end());
  expect((await exchange(ask(elsewhere), surroundings())).status).toBe(302);
  const endless = await serve((_, response) => {
    const write = (): void => void (response.write("x".repeat(400)) && !response.destroyed && setImmediate(write));
    write();
  });
  await expect(exchange(ask(endless), surroundings())).rejects.toMatchObject({ code: "NOTARY_RESPONSE" });
});

test("an aborted exchange ends with the signal's own reason", async () => {
  const silent = await serve(() => undefined);
  const abort = new AbortController();
  setTimeout(() => abort.abort(new Error("stopped")), 20);
  await expect(exchange(ask(silent), surroundings([], abort.signal))).rejects.toThrow("stopped");
});

test("pauses grow from 15 s to 60 s, never below the server's wish, never beyond ten minutes for it", () => {
  expect([1, 2, 3, 4, 9].map((failures) => pauseMs(failures, () => 0))).toEqual([
    15_000, 30_000, 60_000, 60_000, 60_000,
  ]);
  expect(pauseMs(1, () => 0.999)).toBeLessThanOrEqual(16_500);
  expect(pauseMs(1, () => 0, 120_000)).toBe(120_000);
  expect(pauseMs(1, () => 0, 1e12)).toBe(600_000);
  const now = new Date("2026-06-01T12:00:00Z");
  const read = (value?: string): number | undefined =>
    retryAfterMs(new Headers(value === undefined ? {} : { "retry-after": value }), now);
  expect(read("7")).toBe(7000);
  expect(read("Mon, 01 Jun 2026 12:01:00 GMT")).toBe(60_000);
  expect(read("Mon, 01 Jun 2020 12:01:00 GMT")).toBe(0);
  expect([read(), read("soon"), read("-1e9x")]).toEqual([undefined, undefined, undefined]);
});

test("an upload that nobody takes is given up and begun again, with lines meanwhile", async () => {
  const path = join(await scratchFolder(), "big");
  const content = randomBytes(8 << 20);
  await writeFile(path, content);
  let asked = 0;
  const url = await serve((request, response) => {
    asked += 1;
    if (asked > 1) request.resume().on("end", () => response.writeHead(200).end());
  });
  const lines: string[] = [];
  const secret = new Secret("0123456789abcdef");
  const target = {
    accessKeyId: secret,
    secretAccessKey: secret,
    sessionToken: secret,
    bucket: "bucket",
    object: "a:b",
  };
  const sha256 = createHash("sha256").update(content).digest("hex");
  const pace = { stallMs: 1500, reportEveryMs: 50 };
  expect(await uploadToS3({ path, bytes: content.length, sha256, target, s3Url: url, pace }, surroundings(lines))).toBe(
    "uploaded",
  );
  expect(asked).toBe(2);
  expect(lines).toContainEqual(expect.stringContaining("S3: nothing moved for 1.5 s; trying again in 15 s (2 of 6)"));
  expect(lines).toContainEqual(expect.stringMatching(/^notary upload: [\d.]+ of 8\.4 MB$/));
});

test.each([
  ["evil.example/x", "o"],
  ["UPPER", "o"],
  ["bucket", ""],
  ["bucket", "a/../b"],
])("a bucket %s or object %s that S3 cannot have is never addressed", async (bucket, object) => {
  const secret = new Secret("0123456789abcdef");
  const target = { accessKeyId: secret, secretAccessKey: secret, sessionToken: secret, bucket, object };
  await expect(
    uploadToS3({ path: "/nowhere", bytes: 1, sha256: "0".repeat(64), target }, surroundings()),
  ).rejects.toMatchObject({ code: "NOTARY_RESPONSE" });
});

test("plain text is one printable line without secrets, tokens or parts of a key", () => {
  expect(plainText("a\u001b[1mb\r\n\tc\u200b")).toBe("a [1mb c");
  expect(plainText("key abcdefghij, and x", ["abcdefghij\nklmnopqrst"])).toBe("key [secret], and x");
  expect(plainText("got eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln")).toBe("got [secret]");
  expect(plainText("x".repeat(9000))).toHaveLength(500);
});
