import { mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { VendorProgress } from "../../../build/vendor/create-vendor.ts";
import { tarball } from "../../unit/vendor/tarball.ts";
import { cached, cleanEnv, core, FAST, host, lockOf, scratch, sha256, vendor } from "./setup.ts";

const NAME = "electrobun-core/linux-x64";

async function archive(bytes = core()) {
  const root = scratch();
  const server = await host({ "/core.tar.gz": bytes });
  const url = `${server.url}/core.tar.gz`;
  const lock = lockOf({ [NAME]: { source: "archive", url, sha256: sha256(bytes), bytes: bytes.length } });
  return { root, server, url, lock, bytes };
}

test("an archive is fetched, verified, unpacked with modes and links, and fetched only once", async () => {
  const { root, server, lock, bytes } = await archive();
  const seen: VendorProgress[] = [];
  const one = vendor(root, lock, { onProgress: (progress) => seen.push(progress) });
  const [a, b] = await Promise.all([one.folder(NAME), one.folder(NAME)]);
  expect(a).toBe(b);
  expect(readFileSync(join(a, "main.js"), "utf8")).toBe("// main");
  expect(readlinkSync(join(a, "lib"))).toBe("bin/launcher");
  expect(statSync(join(a, "bin/launcher")).mode & 0o777).toBe(0o755);
  expect(statSync(join(a, "main.js")).mode & 0o777).toBe(0o644);
  expect(seen.at(-1)).toEqual({ name: NAME, doneBytes: bytes.length, totalBytes: bytes.length });
  expect(await vendor(root, lock).folder(NAME)).toBe(a);
  expect(server.requests).toHaveLength(1);
  expect(cached(root).filter((path) => path.endsWith(".part"))).toEqual([]);
});

test("entries are fetched side by side", async () => {
  const root = scratch();
  const bytes = core();
  const names = ["a", "b", "c"];
  const server = await host(Object.fromEntries(names.map((name) => [`/${name}.tar.gz`, bytes])));
  const entry = (name: string) =>
    ({ source: "archive", url: `${server.url}/${name}.tar.gz`, sha256: sha256(bytes) }) as const;
  for (const name of names) server.answer(`/${name}.tar.gz`, { kind: "drip", chunkBytes: 20_000, everyMs: 20 });
  const underWay = new Set<string>();
  let most = 0;
  const one = vendor(root, lockOf(Object.fromEntries(names.map((name) => [name, entry(name)]))), {
    onProgress({ name, doneBytes, totalBytes }) {
      if (doneBytes === totalBytes) underWay.delete(name);
      else underWay.add(name);
      most = Math.max(most, underWay.size);
    },
  });
  await Promise.all(names.map((name) => one.folder(name)));
  expect(most).toBe(names.length);
});

test("a wrong digest stops with both digests and leaves nothing in the cache", async () => {
  const { root, server, lock, bytes } = await archive();
  const other = core(1000, "evil");
  server.files.set("/core.tar.gz", other);
  const locked = lockOf({ [NAME]: { source: "archive", url: `${server.url}/core.tar.gz`, sha256: sha256(bytes) } });
  await expect(vendor(root, locked).folder(NAME)).rejects.toMatchObject({
    code: "VENDOR_DIGEST",
    facts: { expected: sha256(bytes), actual: sha256(other) },
  });
  expect(cached(root)).toEqual([]);
  // A file that is the right one and more, or less.
  for (const wrong of [Buffer.concat([bytes, Buffer.from("more")]), bytes.subarray(0, 1000)]) {
    server.files.set("/core.tar.gz", wrong);
    await expect(vendor(root, lock).folder(NAME)).rejects.toMatchObject({ code: "VENDOR_DIGEST" });
  }
  expect(cached(root)).toEqual([]);
});

test("a download that is always cut short is reported with its length, and the next run goes on from there", async () => {
  const { root, server, lock, bytes } = await archive();
  server.answer(
    "/core.tar.gz",
    { kind: "cut", afterBytes: 60_000 },
    ...Array.from({ length: 3 }, () => ({ kind: "status", status: 503 }) as const),
  );
  await expect(vendor(root, lock).folder(NAME)).rejects.toMatchObject({ code: "VENDOR_UNREACHABLE" });
  const [part] = cached(root);
  expect(statSync(join(root, "cache/vendor", part ?? "")).size).toBe(60_000);
  await vendor(root, lock).folder(NAME);
  expect(server.requests.at(-1)?.range).toBe("bytes=60000-");
  expect(bytes.length).toBeGreaterThan(60_000);
});

test("a server that ignores Range starts the file over", async () => {
  const { root, server, lock } = await archive();
  server.answer("/core.tar.gz", { kind: "cut", afterBytes: 50_000 }, { kind: "whole" });
  await vendor(root, lock).folder(NAME);
  expect(server.requests.map((request) => request.range)).toEqual([undefined, "bytes=50000-"]);
});

test("a kept part that does not belong to the file costs one more download, not the build", async () => {
  const { root, server, lock, bytes } = await archive();
  const downloads = join(root, "cache/vendor/downloads");
  mkdirSync(downloads, { recursive: true });
  writeFileSync(join(downloads, `sha256-${sha256(bytes).slice(0, 16)}.part`), Buffer.alloc(70_000, "old"));
  await vendor(root, lock).folder(NAME);
  expect(server.requests.map((request) => request.range)).toEqual(["bytes=70000-", undefined]);
});

test("5xx, resets and silence are tried again; a redirect is followed", async () => {
  const { root, server, lock } = await archive();
  server.files.set("/elsewhere", server.files.get("/core.tar.gz") ?? Buffer.alloc(0));
  server.answer(
    "/core.tar.gz",
    { kind: "status", status: 502 },
    { kind: "cut", afterBytes: 10 },
    { kind: "stall", afterBytes: 10 },
    { kind: "redirect", to: "/elsewhere" },
  );
  await vendor(root, lock, { patience: { ...FAST, stallMs: 1500 } }).folder(NAME);
  expect(server.requests.map((request) => [request.path, request.range])).toEqual([
    ["/core.tar.gz", undefined],
    ["/core.tar.gz", undefined],
    ["/core.tar.gz", "bytes=10-"],
    ["/core.tar.gz", "bytes=20-"],
    ["/elsewhere", "bytes=20-"],
  ]);
});

test("404 is final at once and says where", async () => {
  const { root, server, lock } = await archive();
  server.files.clear();
  await expect(vendor(root, lock).folder(NAME)).rejects.toMatchObject({
    code: "VENDOR_UNREACHABLE",
    message: expect.stringContaining("HTTP 404"),
  });
  expect(server.requests).toHaveLength(1);
  expect(cached(root)).toEqual([]);
});

test("a mirror stands in for the archive's host: ERTH_MIRROR before the config", async () => {
  const { root, server, lock, bytes } = await archive();
  const mirror = await host({ "/some/where/core.tar.gz": bytes });
  const env = cleanEnv(root, { ERTH_MIRROR: `${mirror.url}/some/where/` });
  await vendor(root, lock, { env, mirror: "http://127.0.0.1:1/never" }).folder(NAME);
  expect(mirror.requests.map((request) => request.path)).toEqual(["/some/where/core.tar.gz"]);
  expect(server.requests).toEqual([]);

  const second = scratch();
  await vendor(second, lock, { mirror: `${mirror.url}/some/where` }).folder(NAME);
  expect(mirror.requests).toHaveLength(2);

  await expect(vendor(scratch(), lock, { mirror: "not a url" }).folder(NAME)).rejects.toMatchObject({
    code: "VENDOR_MIRROR",
  });
});

test("a hostile archive is refused whole, although its digest is the locked one", async () => {
  const bytes = tarball([
    { path: "ok", body: "fine" },
    { path: "../../outside", body: "evil" },
  ]);
  const { root, lock } = await archive(bytes);
  await expect(vendor(root, lock).folder(NAME)).rejects.toMatchObject({
    code: "VENDOR_ARCHIVE",
    message: expect.stringContaining("../../outside"),
  });
  expect(cached(root)).toEqual([]);
});

test("an aborted download ends at once with the reason and keeps its bytes", async () => {
  const { root, server, lock } = await archive();
  server.answer("/core.tar.gz", { kind: "drip", chunkBytes: 20_000, everyMs: 30 });
  const stop = new AbortController();
  const going = vendor(root, lock, {
    signal: stop.signal,
    onProgress: ({ doneBytes }) => (doneBytes > 50_000 ? stop.abort(new Error("Ctrl-C")) : undefined),
  }).folder(NAME);
  await expect(going).rejects.toThrow("Ctrl-C");
  expect(cached(root).filter((path) => path.endsWith(".part"))).toHaveLength(1);
  await vendor(root, lock).folder(NAME);
  expect(server.requests.at(-1)?.range).toMatch(/^bytes=[1-9]/);
});
