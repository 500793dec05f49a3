/** A locked digest: npm's `sha512-<base64>` integrity, or an archive's hexadecimal SHA-256. */
import { createHash, type Hash } from "node:crypto";
import type { LockEntry } from "./lock.ts";

export interface Digest {
  readonly algorithm: "sha512" | "sha256";
  /** As the lock writes it. */
  readonly text: string;
  /** The first 16 hexadecimal digits, for file names. */
  readonly prefix: string;
}

/** The digest that the lock writes like this: `sha512-<base64>` or 64 hexadecimal digits. */
export function digestFrom(text: string): Digest {
  if (!text.startsWith("sha512-")) return { algorithm: "sha256", text, prefix: text.slice(0, 16) };
  const hex = Buffer.from(text.slice("sha512-".length), "base64").toString("hex");
  return { algorithm: "sha512", text, prefix: hex.slice(0, 16) };
}

/** The entry's locked digest; undefined when it was never locked. */
export function digestOf(entry: LockEntry): Digest | undefined {
  if (entry.source === "npm") return digestFrom(entry.integrity);
  return entry.sha256 === null ? undefined : digestFrom(entry.sha256);
}

/** What the part file of these bytes is called. */
export function partKey(digest: Digest): string {
  return `${digest.algorithm}-${digest.prefix}`;
}

/** A hash under way whose text so far can be asked for at any time. */
export interface RunningDigest {
  update(chunk: Uint8Array): void;
  text(): string;
}

export function runningDigest(algorithm: Digest["algorithm"]): RunningDigest {
  const hash: Hash = createHash(algorithm);
  return {
    update: (chunk) => void hash.update(chunk),
    text: () => {
      const soFar = hash.copy();
      return algorithm === "sha512" ? `sha512-${soFar.digest("base64")}` : soFar.digest("hex");
    },
  };
}
