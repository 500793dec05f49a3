/** An archive's bytes, compressed block by block: what the formats of Linux wrap. */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { oneBlock, planBlocks, type BlockFilter, type Cut, type PlannedBlock } from "../../formats/blocks.ts";
import { withFileRange } from "../../formats/byte-range.ts";
import { elfRegions } from "../../formats/frames-elf.ts";
import type { Slice } from "../../formats/frames.ts";
import type { Extent } from "../../formats/extent.ts";
import { layoutXz, readXzIndex } from "../../formats/xz.ts";
import type { Part } from "../../config/resolved-config.ts";
import { noBytes, type AppTree } from "./app-tree.ts";
import { blockPiece, xzCodec, type BlockCodec, type BlockPiece } from "./block-piece.ts";
import { zstdParameters } from "./compression.ts";
import type { PackageRequest } from "./package-format.ts";

/** How an archive is compressed. A zstd archive is one frame where a reader stops after the first. */
export type ArchiveCompression = "xz" | "zstd" | "zstd-one-frame";

export interface PackedArchive {
  /** Compressed. */
  readonly content: readonly Extent[];
  /** Compressed contribution by part, shared by raw length where a block holds several. */
  readonly compressedBytes: Record<Part, number>;
}

/** What shapes the compressed bytes besides the archive's own. */
export function compressionReads(compression: ArchiveCompression): unknown {
  return compression === "xz" ? xzCodec() : { compression, zstd: process.versions.zstd };
}

/** Compresses an archive of the app and of headers around it. */
export async function packArchive(
  { ctx, tree }: PackageRequest,
  extents: readonly Extent[],
  compression: ArchiveCompression,
): Promise<PackedArchive> {
  const cuts = cutsByFile(tree);
  const request = { extents, cutsOf: (file: string) => cuts.get(file), rest: "container" } as const;
  const blocks = compression === "zstd-one-frame" ? [oneBlock<Part>(request)] : planBlocks<Part>(request);
  const codec: BlockCodec =
    compression === "xz"
      ? xzCodec()
      : { kind: "zstd", parameters: zstdParameters(ctx.config.package.compression, false) };
  const pieces = await compressAll(ctx, blocks, codec);
  const content =
    compression === "xz"
      ? await joinXz(pieces)
      : pieces.map(({ path, bytes }) => ({ file: path, offset: 0, length: bytes }));
  return { content, compressedBytes: shares(blocks, pieces) };
}

/** The contributions, with the rest of a file of `fileBytes` as the container's. */
export function withContainer(compressedBytes: Record<Part, number>, fileBytes: number): Record<Part, number> {
  const known = Object.values(compressedBytes).reduce((sum, bytes) => sum + bytes, 0);
  return { ...compressedBytes, container: compressedBytes.container + fileBytes - known };
}

async function joinXz(pieces: readonly BlockPiece[]): Promise<readonly Extent[]> {
  return layoutXz(
    await Promise.all(pieces.map(async ({ path }) => ({ path, file: await withFileRange(path, readXzIndex) }))),
  );
}

async function compressAll(
  ctx: PackageRequest["ctx"],
  blocks: readonly PlannedBlock<Part>[],
  codec: BlockCodec,
): Promise<readonly BlockPiece[]> {
  const total = blocks.reduce((sum, { rawBytes }) => sum + rawBytes, 0);
  let done = 0;
  // One failure stops the others, which would go on for a minute otherwise.
  const stop = new AbortController();
  const signal = AbortSignal.any([ctx.signal, stop.signal]);
  const making = blocks.map(async (block) => {
    const piece = await blockPiece({ block, codec, pieces: ctx.pieces, signal });
    done += block.rawBytes;
    ctx.progress({ label: "compressing", done, total, unit: "bytes" });
    return piece;
  });
  try {
    return await Promise.all(making);
  } catch (error) {
    stop.abort();
    await Promise.allSettled(making);
    throw error;
  }
}

function shares(blocks: readonly PlannedBlock<Part>[], pieces: readonly BlockPiece[]): Record<Part, number> {
  const sums = noBytes();
  for (const [at, { parts, rawBytes }] of blocks.entries()) {
    const { bytes } = pieces[at] ?? { bytes: 0 };
    let [rest, rawRest] = [bytes, rawBytes];
    for (const [part, raw] of parts) {
      // Of what is left, so that the last part takes what rounding leaves over.
      const share = Math.round((rest * raw) / rawRest);
      sums[part] += share;
      rest -= share;
      rawRest -= raw;
    }
  }
  return sums;
}

/** The app's files by absolute path: parts, and programs cut where their code begins and ends. */
function cutsByFile(tree: AppTree): ReadonlyMap<string, readonly Cut<Part>[]> {
  const cuts = new Map<string, Cut<Part>[]>();
  for (const slice of tree.slices) {
    const path = join(tree.root, slice.path);
    const known = cuts.get(path) ?? [];
    known.push(...programCuts(path, slice));
    cuts.set(path, known);
  }
  return cuts;
}

/** xz knows many filters; the one for ARM64 is younger than some of the systems that a package is for. */
const XZ_FILTERS: Readonly<Record<string, BlockFilter>> = { "bcj-x86": "x86" };

function programCuts(path: string, { part, offset, length }: Slice<Part>): readonly Cut<Part>[] {
  const fd = openSync(path, "r");
  try {
    const size = statSync(path).size - offset;
    const read = (at: number, count: number): Uint8Array => {
      const bytes = Buffer.alloc(count);
      readSync(fd, bytes, 0, count, offset + at);
      return bytes;
    };
    const program = elfRegions({ size, read }, length);
    if (program === undefined) return [{ offset, length, part, filter: "none" }];
    const filter = XZ_FILTERS[program.filter] ?? "none";
    return program.regions.map((region) => ({
      offset: offset + region.offset,
      length: region.length,
      part,
      filter: region.kind === "code" ? filter : "none",
    }));
  } finally {
    closeSync(fd);
  }
}
