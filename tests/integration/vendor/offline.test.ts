import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hostTarget, TARGETS } from "../../../build/plan/target.ts";
import { cached, cleanEnv, core, host, lockOf, scratch, sha256, vendor } from "./setup.ts";

const here = hostTarget() ?? "linux-x64";
const other = TARGETS.find((target) => target !== here) ?? here;

async function archive() {
  const root = scratch();
  const bytes = core();
  const server = await host({ "/core.tar.gz": bytes });
  const lock = lockOf({
    core: { source: "archive", url: `${server.url}/core.tar.gz`, sha256: sha256(bytes) },
    "electrobun-core/win32-x64": { source: "archive", url: `${server.url}/never.tar.gz`, sha256: null },
  });
  return { root, server, lock };
}

test("offline with a warm cache works and asks nobody", async () => {
  const { root, server, lock } = await archive();
  const folder = await vendor(root, lock).folder("core");
  const before = server.requests.length;
  expect(await vendor(root, lock, { offline: true }).folder("core")).toBe(folder);
  expect(await vendor(root, lock, { env: cleanEnv(root, { ERTH_OFFLINE: "1" }) }).folder("core")).toBe(folder);
  expect(server.requests).toHaveLength(before);
});

test("offline with a cold cache names what is missing and writes nothing", async () => {
  const { root, server, lock } = await archive();
  const cold = vendor(root, lock, { env: cleanEnv(root, { ERTH_OFFLINE: "1" }) });
  await expect(cold.folder("core")).rejects.toMatchObject({
    code: "VENDOR_UNREACHABLE",
    message: expect.stringContaining("core is not in the cache"),
    remedy: expect.stringContaining("ERTH_OFFLINE"),
  });
  expect(cold.obstacle("core")?.code).toBe("VENDOR_UNREACHABLE");
  expect(server.requests).toEqual([]);
  expect(cached(root)).toEqual([]);
});

test("an entry that was never locked, or is not in the lock, is not downloaded", async () => {
  const { root, server, lock } = await archive();
  const one = vendor(root, lock);
  await expect(one.folder("electrobun-core/win32-x64")).rejects.toMatchObject({
    code: "VENDOR_UNLOCKED",
    remedy: expect.stringContaining("ERTH_ELECTROBUN_CORE_DIR"),
  });
  await expect(one.folder("constructor")).rejects.toMatchObject({ code: "VENDOR_UNLOCKED", remedy: "erth lock" });
  expect(one.isObtainable("electrobun-core/win32-x64")).toBe(false);
  expect(one.isObtainable("core")).toBe(true);
  expect(one.digest("electrobun-core/win32-x64")).toBeUndefined();
  expect(one.digest("core")).toMatch(/^[0-9a-f]{64}$/);
  expect(server.requests).toEqual([]);
});

test("a local folder of the config stands in for an entry, with a digest of its tree", async () => {
  const { root, server, lock } = await archive();
  const folder = join(root, "mine");
  mkdirSync(folder);
  writeFileSync(join(folder, "launcher"), "one");
  const options = { folders: { core: folder }, offline: true };
  const first = vendor(root, lock, options);
  expect(await first.folder("core")).toBe(folder);
  const digest = first.digest("core");
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
  expect(vendor(root, lock, options).digest("core")).toBe(digest);
  writeFileSync(join(folder, "launcher"), "two");
  expect(vendor(root, lock, options).digest("core")).not.toBe(digest);
  expect(server.requests).toEqual([]);

  const missing = vendor(root, lock, { folders: { core: join(root, "nowhere") } });
  await expect(missing.folder("core")).rejects.toMatchObject({
    code: "VENDOR_FOLDER",
    message: expect.stringContaining('vendor.folders["core"]'),
  });
  expect(missing.isObtainable("core")).toBe(false);
  expect(missing.digest("core")).toBeUndefined();
});

test("ERTH_ELECTROBUN_CORE_DIR is a core of this machine, or one folder per target", async () => {
  const { root, lock } = await archive();
  const single = join(root, "single");
  mkdirSync(single);
  const one = vendor(root, lock, { env: cleanEnv(root, { ERTH_ELECTROBUN_CORE_DIR: single }) });
  expect(await one.folder(`electrobun-core/${here}`)).toBe(single);
  expect(one.isObtainable(`electrobun-core/${other}`)).toBe(false);

  const many = join(root, "many");
  mkdirSync(join(many, other), { recursive: true });
  const per = vendor(root, lock, { env: cleanEnv(root, { ERTH_ELECTROBUN_CORE_DIR: many }) });
  expect(await per.folder(`electrobun-core/${other}`)).toBe(join(many, other));
  expect(per.isObtainable(`electrobun-core/${here}`)).toBe(false);

  const gone = vendor(root, lock, { env: cleanEnv(root, { ERTH_ELECTROBUN_CORE_DIR: join(root, "gone") }) });
  await expect(gone.folder(`electrobun-core/${here}`)).rejects.toMatchObject({
    code: "VENDOR_FOLDER",
    message: expect.stringContaining("ERTH_ELECTROBUN_CORE_DIR"),
  });
});

test("a cache that cannot be written says so, with its folder", async () => {
  const { root, lock } = await archive();
  // A file in the way stops every user, root too.
  writeFileSync(join(root, "cache"), "");
  await expect(vendor(root, lock).folder("core")).rejects.toMatchObject({
    code: "CACHE_NOT_WRITABLE",
    remedy: expect.stringContaining("ERTH_CACHE"),
  });
});
