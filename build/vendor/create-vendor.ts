/** `Vendor`: local folders first, then the cache, then the network, and only what the lock vouches for. */
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ErthError, type Problem } from "../../runtime/base/errors.ts";
import { limiter } from "../artifacts/limiter.ts";
import { archiveSource, archiveUrl, npmSource, type Transport } from "./byte-sources.ts";
import { type Digest, digestOf, partKey } from "./digest.ts";
import { type ByteSource, download } from "./download.ts";
import { isFolder, type LocalFolder, localFolder } from "./local-folders.ts";
import type { Lock, LockEntry } from "./lock.ts";
import { npmSettings } from "./npm-settings.ts";
import { claimPart } from "./part-file.ts";
import { PATIENCE, type Patience } from "./patience.ts";
import { folderDigest } from "./tree-digest.ts";
import { unpack } from "./unpack.ts";
import { unpackedStore } from "./unpacked-store.ts";
import { cacheFailure, missingFolder, offlineWithout, unlocked } from "./vendor-errors.ts";
import type { Vendor } from "./vendor.ts";

export interface VendorProgress {
  /** Lock entry name. */
  readonly name: string;
  readonly doneBytes: number;
  /** Undefined while the server has not said. */
  readonly totalBytes: number | undefined;
}

export interface VendorOptions {
  readonly lock: Lock;
  /** Beside the app's `.npmrc`; named in messages. */
  readonly lockPath: string;
  /** `cacheFolder(env)`; the binaries go to `vendor/` inside it. */
  readonly cacheFolder: string;
  /** Base URL of archives; `ERTH_MIRROR` wins over it. */
  readonly mirror?: string | undefined;
  /** Lock entry name → absolute local folder. */
  readonly folders: Readonly<Record<string, string>>;
  /** `ERTH_OFFLINE=1` has the same effect. */
  readonly offline: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: VendorProgress) => void;
  /** For tests. */
  readonly patience?: Patience;
}

export interface VendorStore extends Vendor {
  /**
   * Why this entry certainly cannot be had, or undefined if it is there or worth
   * trying. Touches no network. `VENDOR_UNLOCKED`, `VENDOR_UNREACHABLE` (offline
   * and not cached) or `VENDOR_FOLDER`.
   */
  obstacle(name: string): Problem | undefined;
  /** No obstacle. */
  isObtainable(name: string): boolean;
}

const AT_ONCE = 4;

/** Faults of the bytes themselves: nothing of them stays. */
const REFUSED = new Set(["VENDOR_DIGEST", "VENDOR_ARCHIVE"]);

/** The vendor of one run; simultaneous calls for one name share one download. */
export function createVendor(options: VendorOptions): VendorStore {
  const { lock, lockPath, env, signal, patience = PATIENCE } = options;
  const offline = options.offline || isOn(env.ERTH_OFFLINE);
  const mirror = env.ERTH_MIRROR || options.mirror;
  const root = join(options.cacheFolder, "vendor");
  const store = unpackedStore(root);
  const limit = limiter(AT_ONCE);
  const transport: Transport = {
    settings: once(() => npmSettings({ env, folder: dirname(lockPath) })),
    stallMs: patience.stallMs,
  };
  const sweepOnce = once(() => store.sweep());
  const asked = new Map<string, Promise<string>>();
  const localDigests = new Map<string, string>();

  const local = (name: string): LocalFolder | undefined => localFolder(name, { folders: options.folders, env });

  type Locked = { readonly entry: LockEntry; readonly expected: Digest };
  const locked = (name: string): Locked | ErthError => {
    const entry = Object.hasOwn(lock.entries, name) ? lock.entries[name] : undefined;
    if (entry === undefined) return unlocked(name, lockPath, "no entry");
    const expected = digestOf(entry);
    return expected === undefined ? unlocked(name, lockPath, "no digest") : { entry, expected };
  };

  const source = (name: string, { entry, expected }: Locked): ByteSource => {
    if (entry.source === "npm") return npmSource(name, entry, expected, transport);
    return archiveSource(archiveUrl(entry.url, mirror), transport);
  };

  const fetchAndUnpack = async (name: string, { entry, expected }: Locked): Promise<string> => {
    signal.throwIfAborted();
    await mkdir(root, { recursive: true });
    await sweepOnce();
    const part = await claimPart(join(root, "downloads"), partKey(expected));
    let keepBytes = true;
    try {
      await download({
        name,
        source: source(name, { entry, expected }),
        path: part.path,
        expected,
        expectedBytes: entry.source === "archive" ? entry.bytes : undefined,
        patience,
        signal,
        onBytes: (doneBytes, totalBytes) => options.onProgress({ name, doneBytes, totalBytes }),
      });
      const strip = entry.source === "npm" ? 1 : 0;
      const files = await store.add(name, entry, expected, (folder) =>
        unpack({ name, archive: part.path, folder, strip, signal }),
      );
      keepBytes = false;
      return files;
    } catch (error) {
      keepBytes = !(error instanceof ErthError) || !REFUSED.has(error.code);
      throw error;
    } finally {
      await (keepBytes ? part.release() : part.discard());
    }
  };

  const obtain = async (name: string): Promise<string> => {
    const standIn = local(name);
    if (standIn !== undefined) {
      if (!isFolder(standIn.path)) throw missingFolder(name, standIn.path, standIn.setBy);
      return standIn.path;
    }
    const found = locked(name);
    if (found instanceof Error) throw found;
    const cached = store.find(name, found.entry, found.expected);
    if (cached !== undefined) return cached;
    if (offline) throw offlineWithout(name);
    try {
      return await limit(() => fetchAndUnpack(name, found));
    } catch (cause) {
      throw cacheFailure(cause, root) ?? cause;
    }
  };

  const folder = (name: string): Promise<string> => {
    const begun = asked.get(name);
    if (begun !== undefined) return begun;
    // A success holds for the whole run; a failure may be tried again.
    const promise = obtain(name).catch((error: unknown) => {
      asked.delete(name);
      throw error;
    });
    asked.set(name, promise);
    return promise;
  };

  const obstacle = (name: string): Problem | undefined => {
    const standIn = local(name);
    if (standIn !== undefined) {
      return isFolder(standIn.path) ? undefined : missingFolder(name, standIn.path, standIn.setBy);
    }
    const found = locked(name);
    if (found instanceof Error) return found;
    if (!offline || store.find(name, found.entry, found.expected) !== undefined) return undefined;
    return offlineWithout(name);
  };

  const digest = (name: string): string | undefined => {
    const standIn = local(name);
    if (standIn === undefined) {
      const found = locked(name);
      return found instanceof Error ? undefined : found.expected.text;
    }
    if (!isFolder(standIn.path)) return undefined;
    const known = localDigests.get(standIn.path) ?? folderDigest(standIn.path);
    localDigests.set(standIn.path, known);
    return known;
  };

  return { folder, digest, obstacle, isObtainable: (name) => obstacle(name) === undefined };
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "0" && value !== "false";
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
