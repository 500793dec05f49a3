/** What a bundle is made of: bytes of the finished script by package, from esbuild's metafile. */
import type { Metafile } from "esbuild";

/**
 * Bytes by npm package, by folder of the app (`app/ui`), "erth runtime" for what
 * ships in every app, and "glue" for what esbuild itself wrote. Sums up to the script.
 */
export function bundleWeights(metafile: Metafile): Readonly<Record<string, number>> {
  const weights = new Map<string, number>();
  const add = (name: string, bytes: number): void => void weights.set(name, (weights.get(name) ?? 0) + bytes);
  for (const { bytes, inputs } of Object.values(metafile.outputs)) {
    let rest = bytes;
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      add(ownerOf(path), bytesInOutput);
      rest -= bytesInOutput;
    }
    add("glue", rest);
  }
  return Object.fromEntries([...weights].filter(([, bytes]) => bytes > 0).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function ownerOf(path: string): string {
  // The innermost one: a package may bring its own copy of another.
  const inPackage = /.*(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
  if (inPackage !== undefined) return inPackage;
  // A plugin's own modules have a namespace: `erth-database:…`.
  const namespace = /^([a-z][a-z0-9-]*):/.exec(path)?.[1];
  if (namespace !== undefined) return namespace;
  if (/(?:^|\/)runtime\//.test(path) && path.startsWith("../")) return "erth runtime";
  const folder = path
    .replace(/^(?:\.\.\/)+/, "")
    .split("/")
    .slice(0, -1)[0];
  return folder === undefined ? "app" : `app/${folder}`;
}
