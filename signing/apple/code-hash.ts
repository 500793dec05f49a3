/** The hashes that a CodeDirectory may be made with, for checking: what is written here is SHA-256 alone. */
import { createHash, type Hash } from "node:crypto";
import { oids } from "../cms/oids.ts";
import type { CodeDirectory } from "./code-directory.ts";

export interface CodeHash {
  readonly name: "sha1" | "sha256" | "sha384";
  readonly bytes: number;
  readonly oid: string;
}

const HASHES: Readonly<Record<number, CodeHash>> = {
  1: { name: "sha1", bytes: 20, oid: oids.sha1 },
  2: { name: "sha256", bytes: 32, oid: oids.sha256 },
  // Cut to twenty bytes where it is stored; a directory's own hash is whole.
  3: { name: "sha256", bytes: 20, oid: oids.sha256 },
  4: { name: "sha384", bytes: 48, oid: oids.sha384 },
};

/** The hash of a directory's pages and slots; undefined for one that is not known, or has a wrong length. */
export function codeHashOf({ hashType, hashBytes }: CodeDirectory): CodeHash | undefined {
  const found = HASHES[hashType];
  return found?.bytes === hashBytes ? found : undefined;
}

/** A running hash of this kind. */
export function startCodeHash({ name }: CodeHash): Hash {
  return createHash(name);
}

/** The hash of a directory as a whole, by its own algorithm (SHA-256 for an unknown one). */
export function directoryHash(directory: CodeDirectory): { readonly oid: string; readonly hex: string } {
  const { name, oid } = HASHES[directory.hashType] ?? { name: "sha256", oid: oids.sha256 };
  return { oid, hex: createHash(name).update(directory.bytes).digest("hex") };
}
