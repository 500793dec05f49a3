/**
 * The content-addressed cache of stage results. A key is the digest of all
 * that a stage reads; an entry is a folder with the results and `entry.json`,
 * renamed into place when whole, so that an entry that exists is good.
 */
import { mkdir, open, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "../../runtime/base/errors.ts";
import type { Target } from "../plan/target.ts";
import type { Artifact, ArtifactKind, Draft, Sha256 } from "./artifact.ts";
import { canonicalJson, digestPath, sha256 } from "./digest.ts";
import { isProcessAlive, workName } from "./work-name.ts";

/** What went into a key, by name, so that a change can be named too. */
export type KeyParts = Readonly<Record<string, string>>;

export function cacheKey(parts: KeyParts): Sha256 {
  return sha256(canonicalJson(parts));
}

export interface StageCache {
  readonly folder: string;
  /** The stored results of this key, or undefined. */
  find(key: Sha256): Promise<readonly Artifact[] | undefined>;
  /** A fresh folder for a stage to make its results in. */
  newWorkFolder(): Promise<string>;
  /** Hashes the drafts and moves the work folder into the cache under its key. */
  keep(request: KeepRequest): Promise<{ readonly key: Sha256; readonly artifacts: readonly Artifact[] }>;
  /** Ends this run's use of the cache and, unless another run is using it, removes every entry whose key is not in the list. */
  prune(keys: ReadonlySet<string>): Promise<void>;
}

export interface KeepRequest {
  /** Undefined for a stage whose reads are unknown: its key is then the digest of what it made. */
  readonly key: Sha256 | undefined;
  readonly workFolder: string;
  readonly drafts: readonly Draft<ArtifactKind>[];
  readonly target: Target | "any";
  readonly from: readonly Sha256[];
}

interface StoredEntry {
  readonly artifacts: readonly Artifact[];
}

/** Opens the cache in a folder, creating it, and removes work folders that dead processes left. */
export async function openStageCache(folder: string): Promise<StageCache> {
  const entries = join(folder, "stages");
  const work = join(folder, "work");
  const users = join(folder, "users");
  await mkdir(entries, { recursive: true });
  for (const place of [work, users]) {
    await mkdir(place, { recursive: true });
    for (const name of await readdir(place)) {
      if (!isProcessAlive(name)) await rm(join(place, name), { recursive: true, force: true });
    }
  }
  const ourselves = workName();
  await writeFile(join(users, ourselves), "");

  const find = async (key: Sha256): Promise<readonly Artifact[] | undefined> => {
    const entry = join(entries, key);
    let text: string;
    try {
      text = await readFile(join(entry, "entry.json"), "utf8");
    } catch (error) {
      if (systemCode(error) === "ENOENT") return undefined;
      throw error;
    }
    const stored = JSON.parse(text) as StoredEntry;
    return stored.artifacts.map((artifact) => ({ ...artifact, path: join(entry, artifact.path) }));
  };

  return {
    folder,
    find,
    async newWorkFolder() {
      const path = join(work, workName());
      await mkdir(path);
      return path;
    },
    async keep({ key: knownKey, workFolder, drafts, target, from }) {
      const artifacts: Artifact[] = [];
      for (const draft of drafts) {
        const relative = draft.path.slice(workFolder.length + 1);
        const { bytes, sha256: digest } = await digestPath(draft.path);
        const { kind, facts } = draft;
        // A draft pairs a kind with its own facts; the pair stays together here.
        artifacts.push({ kind, target, path: relative, bytes, sha256: digest, from, facts } as Artifact);
      }
      const key = knownKey ?? sha256(canonicalJson(artifacts));
      const handle = await open(join(workFolder, "entry.json"), "w");
      await handle.writeFile(JSON.stringify({ artifacts } satisfies StoredEntry));
      await handle.sync();
      await handle.close();
      try {
        await rename(workFolder, join(entries, key));
      } catch (error) {
        // Another run made the same entry first: same key, same bytes.
        if (systemCode(error) !== "ENOTEMPTY" && systemCode(error) !== "EEXIST") throw error;
        await rm(workFolder, { recursive: true, force: true });
      }
      const kept = await find(key);
      if (kept === undefined) throw new Error(`the cache entry ${key} vanished while it was being written`);
      return { key, artifacts: kept };
    },
    async prune(keys) {
      const others = (await readdir(users)).filter((name) => name !== ourselves && isProcessAlive(name));
      await rm(join(users, ourselves), { force: true });
      // What another run has just made or found is in no project's history yet; the last run to end prunes.
      if (others.length > 0) return;
      for (const name of await readdir(entries)) {
        if (!keys.has(name)) await rm(join(entries, name), { recursive: true, force: true });
      }
    },
  };
}
