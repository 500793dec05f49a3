/** One compressed block of an archive, made once and kept as a piece by the digest of what went in. */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rm, stat, writeFile } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createZstdCompress } from "node:zlib";
import { ErthError } from "../../../runtime/base/errors.ts";
import { limiter } from "../../artifacts/limiter.ts";
import type { PlannedBlock } from "../../formats/blocks.ts";
import { fileChanged, withFileRange } from "../../formats/byte-range.ts";
import { readExtents, type Extent } from "../../formats/extent.ts";
import { readXzIndex } from "../../formats/xz.ts";
import { encodeXz, xzVersion } from "../../tools/xz.ts";
import type { Pieces } from "../stage.ts";
import type { ZstdParameters } from "./compression.ts";

/** Bumped when the same block would give other bytes. */
const PIECE_VERSION = 1;
/** 32 MiB would save 0.7 % for half as much memory again; rpm's own decoder stops at 100 MiB. */
const XZ_DICTIONARY_BYTES = 16 << 20;
/** An encoder takes 0.2 GB; so do the frames of single files at the same time. */
const limit = limiter(2);

/** How a block is compressed: an .xz file of its own, or a zstd frame. */
export type BlockCodec =
  | { readonly kind: "xz"; readonly encoder: string }
  | { readonly kind: "zstd"; readonly parameters: ZstdParameters };

export interface BlockPieceRequest {
  readonly block: PlannedBlock<string>;
  readonly codec: BlockCodec;
  readonly pieces: Pieces;
  readonly signal: AbortSignal;
}

export interface BlockPiece {
  readonly path: string;
  readonly bytes: number;
}

/** The codec of xz, which names the encoder that is installed. */
export function xzCodec(): BlockCodec {
  return { kind: "xz", encoder: xzVersion() };
}

/** The compressed block, from the store of pieces where it is. */
export async function blockPiece(request: BlockPieceRequest): Promise<BlockPiece> {
  const { block, codec, pieces, signal } = request;
  return limit(async () => {
    signal.throwIfAborted();
    const sha256 = await sha256OfExtents(block.extents);
    const { filter } = block;
    const shape =
      codec.kind === "xz"
        ? { ...codec, filter, dictionaryBytes: XZ_DICTIONARY_BYTES }
        : { ...codec, zstd: process.versions.zstd };
    const path = await pieces.get(`block v${PIECE_VERSION} ${sha256} ${JSON.stringify(shape)}`, (temporary) =>
      codec.kind === "xz" ? makeXz(request, sha256, temporary) : makeZstd(request, sha256, temporary, codec.parameters),
    );
    return { path, bytes: (await stat(path)).size };
  });
}

/** Hex SHA-256 of an archive's bytes. */
export async function sha256OfExtents(extents: readonly Extent[]): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of readExtents(extents)) hash.update(chunk);
  return hash.digest("hex");
}

/** The block's bytes once more; `FILE_CHANGED` where they are others than those of the digest. */
async function* readAgain({ extents }: PlannedBlock<string>, sha256: string): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  for await (const chunk of readExtents(extents)) {
    hash.update(chunk);
    yield chunk;
  }
  const [file] = extents.flatMap((extent) => ("file" in extent ? [extent.file] : []));
  if (hash.digest("hex") !== sha256) throw fileChanged(file ?? "a header");
}

async function makeXz({ block, signal }: BlockPieceRequest, sha256: string, output: string): Promise<void> {
  const input = `${output}.raw`;
  const { filter, rawBytes } = block;
  try {
    await writeFile(input, readAgain(block, sha256), { signal });
    await encodeXz({ input, output, filter, dictionaryBytes: XZ_DICTIONARY_BYTES }, signal);
    const { blocks } = await withFileRange(output, readXzIndex);
    if (blocks.reduce((sum, encoded) => sum + encoded.rawBytes, 0) === rawBytes) return;
  } finally {
    await rm(input, { force: true });
    await rm(`${output}.xz`, { force: true });
  }
  throw new ErthError({
    code: "XZ_FAILED",
    message: `the encoder lost some of ${rawBytes} bytes.`,
    remedy: "free some space, then run the command again",
  });
}

async function makeZstd(
  { block, signal }: BlockPieceRequest,
  sha256: string,
  output: string,
  params: ZstdParameters,
): Promise<void> {
  const zstd = createZstdCompress({ params, pledgedSrcSize: block.rawBytes, chunkSize: 1 << 20 });
  const done = pipeline(zstd, createWriteStream(output), { signal });
  // Awaited below; until then its failure also comes out of the writes.
  done.catch(() => undefined);
  try {
    for await (const chunk of readAgain(block, sha256)) {
      // One at a time: what is still queued at the end would get a second, empty frame.
      await new Promise<void>((resolve, reject) => zstd.write(chunk, (error) => (error ? reject(error) : resolve())));
    }
    zstd.end();
  } catch (error) {
    zstd.destroy();
    await done.catch(() => undefined);
    signal.throwIfAborted();
    throw error;
  }
  await done;
}
