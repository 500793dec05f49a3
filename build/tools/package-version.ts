/** Versions of packages whose output is kept: another version, other bytes. */
import { readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";

/** `7z-wasm 1.2.0` */
export function packageVersion(name: string): string {
  const path = findPackageJSON(name, import.meta.url);
  const manifest: unknown = path === undefined ? undefined : JSON.parse(readFileSync(path, "utf8"));
  if (typeof manifest === "object" && manifest !== null && "version" in manifest) {
    return `${name} ${String(manifest.version)}`;
  }
  throw new Error(`${name} is not installed`);
}
