/**
 * Sidecar kind `bun`: a folder with the script, its addons and the seed, run
 * by the Bun that the shell already carries.
 *
 * The script is the same bundle in the wrapper that Bun writes for CommonJS
 * (`bun build --format=cjs`): with `// @bun @bun-cjs` Bun takes it as it is.
 * Without, Bun 1.3.13 transpiles it anew at each start, inlines environment
 * values and keeps them on disk for the next start to find.
 */
import { copyFile, mkdir, open } from "node:fs/promises";
import { createReadStream } from "node:fs";
import { dirname, join } from "node:path";
import type { Part } from "../config/resolved-config.ts";
import type { Segment } from "../artifacts/artifact.ts";
import type { TargetPart } from "./target-parts.ts";

export interface BunSidecarRequest {
  /** The bundled script, absolute. */
  readonly main: string;
  readonly parts: readonly TargetPart[];
  /** Folder to fill, absolute; made if it is missing. */
  readonly folder: string;
}

/** File to start. */
export const BUN_SCRIPT = "main.js";

const BEFORE = "// @bun @bun-cjs\n(function(exports, require, module, __filename, __dirname) {";
const AFTER = "\n})\n";

/** Fills the folder and says which part each of its files belongs to. */
export async function buildBunSidecar(
  request: BunSidecarRequest,
): Promise<Readonly<Record<string, readonly Segment[]>>> {
  const { main, parts, folder } = request;
  await mkdir(folder, { recursive: true });
  const segments: Record<string, readonly Segment[]> = {};
  const whole = (part: Part, length: number): readonly Segment[] => [{ part, offset: 0, length }];

  const script = await open(join(folder, BUN_SCRIPT), "w", 0o644);
  try {
    await script.writeFile(BEFORE);
    for await (const chunk of createReadStream(main) as AsyncIterable<Buffer>) await script.writeFile(chunk);
    await script.writeFile(AFTER);
    segments[BUN_SCRIPT] = whole("app code", (await script.stat()).size);
  } finally {
    await script.close();
  }
  for (const { name, part, path, bytes } of parts) {
    const to = join(folder, ...name.split("/"));
    await mkdir(dirname(to), { recursive: true });
    await copyFile(path, to);
    segments[name] = whole(part, bytes);
  }
  return segments;
}
