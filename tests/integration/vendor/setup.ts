/** A scratch folder, a fake registry and host, and a vendor between them, for each test. */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { createVendor, type VendorOptions, type VendorStore } from "../../../build/vendor/create-vendor.ts";
import type { Lock, LockEntry } from "../../../build/vendor/lock.ts";
import { type ArchiveHost, startArchiveHost } from "../../fakes/archive-host.ts";
import { type NpmRegistry, startNpmRegistry } from "../../fakes/npm-registry.ts";
import { tarball } from "../../unit/vendor/tarball.ts";

/** Tries again at once; only a test of silence waits for little of it, since a busy machine is silent too. */
export const FAST = { attempts: 3, backoffMs: 5, stallMs: 30_000 };

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "erth-vendor-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export async function host(files: Readonly<Record<string, Uint8Array>> = {}): Promise<ArchiveHost> {
  const started = await startArchiveHost(files);
  onTestFinished(() => started.close());
  return started;
}

export async function registry(): Promise<NpmRegistry> {
  const started = await startNpmRegistry();
  onTestFinished(() => started.close());
  return started;
}

export function lockOf(entries: Readonly<Record<string, LockEntry>>): Lock {
  return { version: 1, entries };
}

/** Random, so that it stays large when compressed. */
export function core(bytes = 200_000, marker = "core"): Buffer {
  let state = 1;
  const body = Buffer.alloc(bytes, marker);
  for (let at = 0; at < bytes; at += 1) {
    state = (state * 48_271) % 2_147_483_647;
    body[at] = state & 0xff;
  }
  return tarball([
    { path: "bin/launcher", body, mode: 0o755 },
    { path: "main.js", body: "// main" },
    { path: "lib", type: "SymbolicLink", linkpath: "bin/launcher" },
  ]);
}

/** An environment with no settings of this machine's user. */
export function cleanEnv(home: string, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { HOME: home, PATH: process.env.PATH ?? "", npm_config_globalconfig: join(home, "no-global-npmrc"), ...more };
}

export function vendor(root: string, lock: Lock, more: Partial<VendorOptions> = {}): VendorStore {
  return createVendor({
    lock,
    lockPath: join(root, "erth.lock.json"),
    cacheFolder: join(root, "cache"),
    folders: {},
    offline: false,
    env: cleanEnv(root),
    signal: new AbortController().signal,
    onProgress: () => undefined,
    patience: FAST,
    ...more,
  });
}

/** Everything below the cache's vendor folder, as relative paths. */
export function cached(root: string): readonly string[] {
  const folder = join(root, "cache", "vendor");
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((path) => path !== "downloads" && path !== ".unpacking")
    .sort();
}
