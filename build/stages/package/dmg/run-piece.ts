/** A run of the volume as the data fork holds it, made once and kept as a piece by the digest of all that shapes it. */
import { createHash } from "node:crypto";
import { stat, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { fileChanged } from "../../../formats/byte-range.ts";
import { limiter } from "../../../artifacts/limiter.ts";
import type { Pieces } from "../../stage.ts";
import { codecVersion, compressRun, type RunCodec } from "./compress-run.ts";

/** Bumped when the same run would give other bytes. */
const PIECE_VERSION = 1;
/** LZMA takes 150 MB for each, whatever the number of images being made. */
const limit = limiter(Math.min(availableParallelism(), 3));

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
      await writeFile(temporary, await compressRun(codec, raw, signal));
    });
    return { path, bytes: (await stat(path)).size };
  });
}
