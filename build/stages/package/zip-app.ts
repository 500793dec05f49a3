/** Format: the app folder in a `.zip`, under the name it has at the user's. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { stat } from "node:fs/promises";
import type { Part } from "../../config/resolved-config.ts";
import type { Slice } from "../../formats/frames.ts";
import { writeZip, type ZipEntry } from "../../formats/zip.ts";
import { UNZIP, sevenZip } from "../verify/container-reader.ts";
import { noBytes, type AppTree } from "./app-tree.ts";
import { DEFLATE_LEVEL } from "./compression.ts";
import type { PackageFormat } from "./package-format.ts";

export const zipApp: PackageFormat = {
  version: 1,
  reads(ctx) {
    const versions = { archiver: archiverVersion(), zlib: process.versions.zlib };
    return { values: { compression: ctx.config.package.compression, ...versions }, files: [] };
  },
  async write({ ctx, app, tree, path }) {
    const { bundleName } = app.facts;
    const sizes = new Map(tree.entries.map((entry) => [`${bundleName}/${entry.path}`, entry.bytes]));
    let done = 0;
    const records = await writeZip(path, zipEntries(bundleName, tree), {
      deflateLevel: DEFLATE_LEVEL[ctx.config.package.compression],
      signal: ctx.signal,
      onFile: (name) => {
        done += sizes.get(name) ?? 0;
        ctx.progress({ label: "compressing", done, total: tree.fileBytes, unit: "bytes" });
      },
    });
    const compressedBytes = noBytes();
    const slices = Map.groupBy(tree.slices, (slice) => `${bundleName}/${slice.path}`);
    for (const { name, compressedBytes: bytes } of records) {
      for (const [part, share] of shares(slices.get(name) ?? [], bytes)) compressedBytes[part] += share;
    }
    const fileBytes = (await stat(path)).size;
    compressedBytes.container = fileBytes - Object.values(compressedBytes).reduce((sum, bytes) => sum + bytes, 0);
    return { compressedBytes, containerDiskBytes: 0 };
  },
  proof: {
    readers: () => [UNZIP, sevenZip({ modes: true, links: true })],
    appRoot: ({ bundleName }) => bundleName,
  },
};

function zipEntries(bundleName: string, tree: AppTree): readonly ZipEntry[] {
  const entries: ZipEntry[] = [{ kind: "folder", name: bundleName }];
  for (const { path, kind, isExecutable, link } of tree.entries) {
    const name = `${bundleName}/${path}`;
    if (kind === "folder") entries.push({ kind, name });
    else if (kind === "link") entries.push({ kind, name, target: link ?? "" });
    else entries.push({ kind, name, file: join(tree.root, path), mode: isExecutable ? 0o755 : 0o644 });
  }
  return entries;
}

/** Deflate has no exact boundary between parts, so a file's bytes go by length; the last part takes the remainder. */
function shares(slices: readonly Slice<Part>[], bytes: number): readonly (readonly [Part, number])[] {
  const total = slices.reduce((sum, { length }) => sum + length, 0);
  let rest = bytes;
  return slices.map(({ part, length }, at) => {
    const share = at === slices.length - 1 ? rest : Math.min(rest, Math.round((bytes * length) / Math.max(1, total)));
    rest -= share;
    return [part, share] as const;
  });
}

function archiverVersion(): string {
  const entry = createRequire(import.meta.url).resolve("archiver");
  const manifest: unknown = JSON.parse(readFileSync(join(entry, "..", "package.json"), "utf8"));
  if (typeof manifest === "object" && manifest !== null && "version" in manifest) return String(manifest.version);
  throw new Error("archiver has no version");
}
