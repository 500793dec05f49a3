/** Which installed package a file belongs to, and its manifest. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { systemCode } from "../../runtime/base/errors.ts";
import { nativeFamily, type NativeFamily, type PackageManifest } from "./native-family.ts";

export interface Owner {
  readonly folder: string;
  readonly manifest: PackageManifest;
  readonly family: NativeFamily | undefined;
}

/** Finds owners, reading each folder once. */
export function ownerFinder(): (file: string) => Owner | undefined {
  const known = new Map<string, Owner | undefined>();
  const find = (folder: string): Owner | undefined => {
    if (known.has(folder)) return known.get(folder);
    const parent = dirname(folder);
    const manifest = readManifest(join(folder, "package.json"));
    const owner = manifest ? ownerAt(folder, manifest) : parent === folder ? undefined : find(parent);
    known.set(folder, owner);
    return owner;
  };
  return (file) => find(dirname(file));
}

function ownerAt(folder: string, manifest: PackageManifest): Owner {
  const require = createRequire(join(folder, "package.json"));
  const installedVersion = (name: string): string | undefined => {
    // The folder is searched for, since `exports` may hide the manifest from `resolve`.
    for (const modules of require.resolve.paths(name) ?? []) {
      const found = readManifest(join(modules, name, "package.json"));
      if (found) return found.version;
    }
    return undefined;
  };
  return { folder, manifest, family: nativeFamily(manifest, installedVersion) };
}

/** A manifest with a name; the nameless ones inside packages only say `"type"`. */
function readManifest(path: string): PackageManifest | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(systemCode(error) ?? "")) return undefined;
    throw error;
  }
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || !("name" in value) || typeof value.name !== "string")
    return undefined;
  const version = "version" in value && typeof value.version === "string" ? value.version : "0.0.0";
  const optional = "optionalDependencies" in value ? value.optionalDependencies : undefined;
  const optionalDependencies = Object.fromEntries(
    Object.entries(optional ?? {}).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
  return { name: value.name, version, optionalDependencies };
}
