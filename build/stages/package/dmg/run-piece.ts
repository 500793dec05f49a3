/** A run of the volume as the data fork holds it, made once and kept as a piece by the digest of all that shapes it. */
import { createHash } from "node:crypto";
import { rm, stat, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import { deflate } from "node:zlib";
import { limiter } from "../../../artifacts/limiter.ts";
import { fileChanged } from "../../../formats/byte-range.ts";
import { encodeXz, xzVersion } from "../../../tools/xz.ts";
import type { Pieces } from "../../stage.ts";

export type RunCodec =
  | { readonly method: "lzma" }
  | {
      readonly method: "zlib";
      /** 1 to 9. */
      readonly level: number;
    };

/** Bumped when the same run would give other bytes. */
const PIECE_VERSION = 2;
/** As long as a run; every preset that Apple's decoder is documented to take has at least as much but the fastest. */
const DICTIONARY_BYTES = 8 << 20;
/** LZMA takes 0.15 GB for each, whatever the number of images being made. */
const limit = limiter(Math.min(availableParallelism(), 3));
const deflated = promisify(deflate);

/** Part of a run's key: another codec, other bytes. */
export function codecVersion(codec: RunCodec): string {
  return codec.method === "lzma" ? xzVersion() : `zlib ${process.versions.zlib}, level ${codec.level}`;
}

export interface RunPieceRequest {
  /** Reads the run's bytes; called a second time where they have to be compressed. */
  readonly read: () => Promise<Buffer>;
  /** Of those bytes, hex. */
  readonly sha256: string;
  readonly codec: RunCodec;
  readonly pieces: Pieces;
  readonly signal: AbortSignal;
}

export interface RunPiece {
  /** The compressed run is the whole of this file. */
  readonly path: string;
  readonly bytes: number;
}

/** The compressed run, from the store of pieces where it is. Throws `FILE_CHANGED` where other bytes are read than before. */
export async function runPiece({ read, sha256, codec, pieces, signal }: RunPieceRequest): Promise<RunPiece> {
  const key = `udif run v${PIECE_VERSION} ${sha256} ${codecVersion(codec)}`;
  return limit(async () => {
    signal.throwIfAborted();
    const path = await pieces.get(key, async (temporary) => {
      const raw = await read();
      if (createHash("sha256").update(raw).digest("hex") !== sha256) throw fileChanged("the app folder");
      if (codec.method === "zlib") await writeFile(temporary, await deflated(raw, { level: codec.level }));
      else await compressLzma(raw, temporary, signal);
    });
    return { path, bytes: (await stat(path)).size };
  });
}

async function compressLzma(raw: Buffer, output: string, signal: AbortSignal): Promise<void> {
  const input = `${output}.raw`;
  try {
    await writeFile(input, raw);
    await encodeXz({ input, output, filter: "none", dictionaryBytes: DICTIONARY_BYTES }, signal);
  } finally {
    await rm(input, { force: true });
  }
}
