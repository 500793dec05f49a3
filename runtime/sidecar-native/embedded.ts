/**
 * The files that came with the sidecar: inside the executable (kind `pkg`) or
 * beside the script (kind `bun`, and when run from a folder).
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PAYLOAD_ASSET, findInPayload, type Embedded } from "./payload.ts";

/** Where the build put the seed. */
export const SEED_FILE = "seed.db";

/** Where the build put the addon of a family. */
export function addonFile(family: string): string {
  return `natives/${family}.node`;
}

/** Path of a file beside the running script, whether it is there or not. */
export function besideScript(name: string): string {
  return join(import.meta.dirname, ...name.split("/"));
}

let payload: Uint8Array | undefined;

/** A file inside this executable; undefined if this is not an executable of our own, or has no such file. */
export function insideExecutable(name: string): Embedded | undefined {
  // Bun has no `node:sea`; asking this way is the only one that fails nowhere.
  const sea = process.getBuiltinModule("node:sea");
  if (!sea?.isSea()) return undefined;
  payload ??= new Uint8Array(sea.getRawAsset(PAYLOAD_ASSET));
  return findInPayload(payload, name);
}

/** The seed's bytes, a copy of its own; empty for an app without a database. */
export function readSeed(): Uint8Array {
  const inside = insideExecutable(SEED_FILE);
  if (inside) return Uint8Array.from(inside.bytes);
  const beside = besideScript(SEED_FILE);
  return existsSync(beside) ? new Uint8Array(readFileSync(beside)) : new Uint8Array(0);
}
