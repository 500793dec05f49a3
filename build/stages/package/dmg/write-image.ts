/**
 * The finished image: the volume's runs, compressed side by side and kept as
 * pieces, one behind the other; then the tables that name them.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import type { Part } from "../../../config/resolved-config.ts";
import { planHfsPlus, type HfsPlusImage } from "../../../formats/hfs-plus.ts";
import { encodeUdifEnd, MAX_RUN_BYTES, SECTOR_BYTES, type UdifResource, type UdifRun } from "../../../formats/udif.ts";
import type { TargetContext } from "../../stage.ts";
import { noBytes } from "../app-tree.ts";
import { planRuns, type PlannedRun } from "./plan-runs.ts";
import { runPiece, type RunCodec, type RunPiece } from "./run-piece.ts";
import { readVolume } from "./volume-bytes.ts";
import type { DmgVolume } from "./volume.ts";

export interface WriteImageRequest {
  readonly ctx: Pick<TargetContext, "signal" | "pieces" | "progress">;
  readonly volume: DmgVolume;
  readonly codec: RunCodec;
  readonly resources: readonly UdifResource[];
  /** Absolute. */
  readonly path: string;
}

/** Stored as they are: the image begins with one, lest its first bytes make it an .xz file for who looks no further. */
const RAW_RUN_BYTES = 1024;
/** Readers of zlib images hold a megabyte and no more. */
const MAX_ZLIB_RUN_BYTES = 1 << 20;

/** Writes the image; the result says how many of its bytes are of which part. */
export async function writeImage(request: WriteImageRequest): Promise<Readonly<Record<Part, number>>> {
  const { volume, codec } = request;
  const image = planHfsPlus(volume.volume);
  const runs = planRuns(image, volume, codec.method === "lzma" ? MAX_RUN_BYTES : MAX_ZLIB_RUN_BYTES);
  const { digests, rawCrc32 } = await digestRuns(request, image, runs);
  const pieces = await compressRuns(request, image, runs, digests);
  return assemble(request, image, { runs, pieces, rawCrc32 });
}

interface Digests {
  /** SHA-256 of each run, hex. */
  readonly digests: readonly string[];
  /** Of all of them, in order. */
  readonly rawCrc32: number;
}

async function digestRuns(
  { ctx, volume }: WriteImageRequest,
  image: HfsPlusImage,
  runs: readonly PlannedRun[],
): Promise<Digests> {
  const digests: string[] = [];
  let rawCrc32 = 0;
  for (const run of runs) {
    ctx.signal.throwIfAborted();
    const bytes = await readVolume(image, volume, run);
    digests.push(createHash("sha256").update(bytes).digest("hex"));
    rawCrc32 = crc32(bytes, rawCrc32);
  }
  return { digests, rawCrc32 };
}

async function compressRuns(
  { ctx, volume, codec }: WriteImageRequest,
  image: HfsPlusImage,
  runs: readonly PlannedRun[],
  digests: readonly string[],
): Promise<readonly RunPiece[]> {
  let done = 0;
  // One failure stops the others, which would go on for a while otherwise.
  const stop = new AbortController();
  const signal = AbortSignal.any([ctx.signal, stop.signal]);
  const making = runs.map(async (run, at) => {
    const read = (): Promise<Buffer> => readVolume(image, volume, run);
    const piece = await runPiece({ read, sha256: digests[at] ?? "", codec, pieces: ctx.pieces, signal });
    done += run.bytes;
    ctx.progress({ label: "compressing", done, total: image.bytes, unit: "bytes" });
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

interface Compressed {
  readonly runs: readonly PlannedRun[];
  readonly pieces: readonly RunPiece[];
  readonly rawCrc32: number;
}

async function assemble(
  { volume, codec, resources, path }: WriteImageRequest,
  image: HfsPlusImage,
  { runs, pieces, rawCrc32 }: Compressed,
): Promise<Readonly<Record<Part, number>>> {
  const compressedBytes = noBytes();
  const stored: UdifRun[] = [];
  let dataCrc32 = 0;
  let fileBytes = 0;
  const file = await open(path, "wx");
  const append = async (bytes: Uint8Array): Promise<void> => {
    dataCrc32 = crc32(bytes, dataCrc32);
    fileBytes += bytes.length;
    await file.writeFile(bytes);
  };
  try {
    for (const [at, run] of runs.entries()) {
      const piece = pieces[at];
      if (piece === undefined) throw new Error(`run ${at} was not compressed`);
      const isSmaller = piece.bytes < run.bytes && run.bytes > RAW_RUN_BYTES;
      if (isSmaller) {
        const chunks = createReadStream(piece.path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
        for await (const chunk of chunks) await append(chunk);
      } else await append(await readVolume(image, volume, run));
      const storedBytes = isSmaller ? piece.bytes : run.bytes;
      stored.push({ method: isSmaller ? codec.method : "raw", sectors: run.bytes / SECTOR_BYTES, storedBytes });
      for (const [part, bytes] of run.parts) compressedBytes[part] += Math.round((storedBytes * bytes) / run.bytes);
    }
    const end = encodeUdifEnd({ runs: stored, rawCrc32, dataCrc32, resources });
    await append(end);
    await file.sync();
  } finally {
    await file.close();
  }
  compressedBytes.container = 0;
  compressedBytes.container = fileBytes - Object.values(compressedBytes).reduce((sum, bytes) => sum + bytes, 0);
  return compressedBytes;
}
