/**
 * What the payload's frames cost and save on Bun and stripped Node, the bulk
 * of every app: `node tests/bench/compression.ts [variant…]`. Each variant
 * runs in a process of its own, so that its memory is its own.
 */
import { copyFileSync, mkdtempSync, openSync, readSync, closeSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { constants } from "node:zlib";
import { openPieces } from "../../build/artifacts/pieces.ts";
import { renderTable } from "../../build/cli/report/table.ts";
import type { Part } from "../../build/config/resolved-config.ts";
import { formatSize } from "../../build/config/size.ts";
import { elfRegions } from "../../build/formats/frames-elf.ts";
import { planFrames, type PlannedFrame, type Slice } from "../../build/formats/frames.ts";
import { stripElf } from "../../build/sidecars/strip-file.ts";
import { zstdParameters, type ZstdParameters } from "../../build/stages/package/compression.ts";
import { framePiece } from "../../build/stages/package/frame-piece.ts";
import { measure } from "./support/measure.ts";

interface Variant {
  /** Whether files are cut into code and data, filtered, and share a frame for data. */
  readonly isCut: boolean;
  readonly parameters: (isLong: boolean) => ZstdParameters;
}

const LONGEST = { [constants.ZSTD_c_compressionLevel]: 22, [constants.ZSTD_c_windowLog]: 27 };
const VARIANTS: Readonly<Record<string, Variant>> = {
  "each file alone, fast": { isCut: false, parameters: (isLong) => zstdParameters("fast", isLong) },
  "as shipped, fast": { isCut: true, parameters: (isLong) => zstdParameters("fast", isLong) },
  "each file alone, best": { isCut: false, parameters: (isLong) => zstdParameters("best", isLong) },
  "as shipped, best": { isCut: true, parameters: (isLong) => zstdParameters("best", isLong) },
  "as shipped, level 22": { isCut: true, parameters: () => LONGEST },
};

async function compressVariant(folder: string, variant: Variant): Promise<void> {
  const segments: readonly Slice<Part>[] = [
    { path: "bun", part: "shell runtime", offset: 0, length: statSync(join(folder, "bun")).size },
    { path: "node", part: "sidecar runtime", offset: 0, length: statSync(join(folder, "node")).size },
  ];
  const frames = planFrames(segments, ({ path, length }) =>
    variant.isCut ? elfRegions({ size: length, read: readerOf(join(folder, path)) }, length) : undefined,
  );
  const work = mkdtempSync(join(folder, "pieces-"));
  const pieces = await openPieces(work);
  const { signal } = new AbortController();
  const compress = (frame: PlannedFrame<Part>) =>
    framePiece({
      frame,
      root: folder,
      parameters: variant.parameters(frame.isLong),
      pieces,
      signal,
      onBytes: () => undefined,
    });
  const made = await Promise.all(frames.map(compress));
  const bytes = made.reduce((sum, { length }) => sum + length, 0);
  const { user, system } = process.cpuUsage();
  process.stdout.write(JSON.stringify({ bytes, cpuSeconds: (user + system) / 1e6 }));
}

function readerOf(path: string): (offset: number, length: number) => Uint8Array {
  return (offset, length) => {
    const file = openSync(path, "r");
    try {
      const bytes = Buffer.alloc(length);
      readSync(file, bytes, 0, length, offset);
      return bytes;
    } finally {
      closeSync(file);
    }
  };
}

async function main(names: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "erth-bench-"));
  try {
    const { resolve } = createRequire(import.meta.url);
    copyFileSync(join(resolve("bun/package.json"), "../bin/bun.exe"), join(folder, "bun"));
    await stripElf(process.execPath, join(folder, "node"));
    const rows: string[][] = [];
    for (const name of names) {
      const { stdout, seconds, peakBytes } = await measure(process.execPath, [
        import.meta.filename,
        "--one",
        folder,
        name,
      ]);
      const { bytes, cpuSeconds } = JSON.parse(stdout) as { readonly bytes: number; readonly cpuSeconds: number };
      rows.push([
        name,
        formatSize(bytes),
        `${cpuSeconds.toFixed(0)} s`,
        `${seconds.toFixed(0)} s`,
        formatSize(peakBytes),
      ]);
    }
    console.log(renderTable(["Bun and Node", "compressed", "CPU", "wall", "peak memory"], rows));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const [first, folder, name] = process.argv.slice(2);
const one = name === undefined ? undefined : VARIANTS[name];
if (first === "--one" && folder !== undefined && one) await compressVariant(folder, one);
else await main(process.argv.length > 2 ? process.argv.slice(2) : Object.keys(VARIANTS));
