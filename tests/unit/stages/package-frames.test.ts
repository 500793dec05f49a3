import { randomBytes } from "node:crypto";
import { readFile, readdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { openPieces } from "../../../build/artifacts/pieces.ts";
import type { Compression, Part } from "../../../build/config/resolved-config.ts";
import { bcjCoder } from "../../../build/formats/bcj.ts";
import type { PlannedFrame, Slice } from "../../../build/formats/frames.ts";
import type { Pieces } from "../../../build/stages/stage.ts";
import { zstdParameters } from "../../../build/stages/package/compression.ts";
import { framePiece, type FramePiece } from "../../../build/stages/package/frame-piece.ts";
import { scratchFolder } from "../../support/scratch.ts";

const MIB = 1 << 20;

function frame(slices: readonly Slice<Part>[], filter: PlannedFrame["filter"] = "none"): PlannedFrame<Part> {
  return { filter, isLong: false, slices, rawLength: slices.reduce((sum, { length }) => sum + length, 0) };
}

interface Made {
  readonly piece: FramePiece;
  readonly bytesTold: number;
}

interface MakeOptions {
  readonly compression?: Compression;
  readonly signal?: AbortSignal;
  readonly onFirstBytes?: () => void;
}

async function make(
  root: string,
  pieces: Pieces,
  planned: PlannedFrame<Part>,
  { compression = "fast", signal = new AbortController().signal, onFirstBytes }: MakeOptions = {},
): Promise<Made> {
  let bytesTold = 0;
  const onBytes = (bytes: number): void => {
    if (bytesTold === 0) onFirstBytes?.();
    bytesTold += bytes;
  };
  const parameters = zstdParameters(compression, planned.isLong);
  return { piece: await framePiece({ frame: planned, root, parameters, pieces, signal, onBytes }), bytesTold };
}

async function frameBytes({ path, length }: FramePiece): Promise<Buffer> {
  return (await readFile(path)).subarray(0, length);
}

test("a frame of several parts is one stream, and each part's share of it is exact", async () => {
  const root = await scratchFolder();
  const shared = randomBytes(2 * MIB);
  await writeFile(join(root, "bun"), shared);
  await writeFile(join(root, "node"), Buffer.concat([shared.subarray(0, MIB), Buffer.alloc(3 * MIB, "x")]));
  const pieces = await openPieces(join(root, "pieces"));
  const slices: Slice<Part>[] = [
    { path: "bun", part: "shell runtime", offset: 0, length: 2 * MIB },
    { path: "node", part: "sidecar runtime", offset: 0, length: 4 * MIB },
  ];
  const { piece, bytesTold } = await make(root, pieces, frame(slices));
  const bytes = await frameBytes(piece);
  expect(zstdDecompressSync(bytes)).toEqual(
    Buffer.concat([await readFile(join(root, "bun")), await readFile(join(root, "node"))]),
  );
  expect(bytesTold).toBe(6 * MIB);
  const [bun, node] = piece.runs;
  expect([bun?.part, node?.part]).toEqual(["shell runtime", "sidecar runtime"]);
  expect((bun?.bytes ?? 0) + (node?.bytes ?? 0)).toBe(bytes.length);
  // Noise does not compress; its repetition does.
  expect(bun?.bytes).toBeGreaterThan(2 * MIB);
  expect(node?.bytes).toBeLessThan(MIB / 8);
});

test("a frame is compressed once, and again only when its bytes change", async () => {
  const root = await scratchFolder();
  await writeFile(join(root, "a"), "one");
  const store = await openPieces(join(root, "pieces"));
  let made = 0;
  const pieces: Pieces = {
    get: (key, write) =>
      store.get(key, (path) => {
        made += 1;
        return write(path);
      }),
  };
  const slices: Slice<Part>[] = [{ path: "a", part: "app code", offset: 0, length: 3 }];
  const first = await make(root, pieces, frame(slices));
  const second = await make(root, pieces, frame(slices));
  expect([made, second.bytesTold, second.piece]).toEqual([1, 3, first.piece]);
  await make(root, pieces, frame(slices, "bcj-x86"));
  expect(made).toBe(2);
  await writeFile(join(root, "a"), "two");
  await make(root, pieces, frame(slices));
  expect(made).toBe(3);
});

test("a filtered frame holds the filter's bytes under the raw bytes' digest", async () => {
  const root = await scratchFolder();
  const raw = Buffer.concat(Array.from({ length: 300_000 }, (_, at) => Buffer.from([0xe8, at, at >> 8, 0, 0, 0x90])));
  await writeFile(join(root, "code"), raw);
  const slices: Slice<Part>[] = [{ path: "code", part: "natives", offset: 0, length: raw.length }];
  const pieces = await openPieces(join(root, "pieces"));
  const filtered = (await make(root, pieces, frame(slices, "bcj-x86"))).piece;
  const coder = bcjCoder("bcj-x86", "decode");
  const stored = zstdDecompressSync(await frameBytes(filtered));
  expect(stored.equals(raw)).toBe(false);
  expect(Buffer.concat([coder.push(stored), coder.end()]).equals(raw)).toBe(true);
  expect((await make(root, pieces, frame(slices))).piece.sha256).toBe(filtered.sha256);
});

test("a missing file, an abort and a folder that is gone end the work and leave no piece", async () => {
  const root = await scratchFolder();
  const pieces = await openPieces(join(root, "pieces"));
  const slices: Slice<Part>[] = [{ path: "none", part: "app code", offset: 0, length: 3 }];
  await expect(make(root, pieces, frame(slices))).rejects.toThrow("ENOENT");

  await writeFile(join(root, "big"), randomBytes(24 * MIB));
  const big = frame([{ path: "big", part: "app code", offset: 0, length: 24 * MIB }]);
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  await expect(make(root, pieces, big, { signal: stop.signal, onFirstBytes: abort })).rejects.toMatchObject({
    name: "AbortError",
  });
  // Aborted between two chunks, the half of it was once kept as if it were whole.
  expect(await readdir(join(root, "pieces/pieces"))).toEqual([]);
  const elsewhere: Pieces = {
    get: async (_key, write) => {
      await write(join(root, "gone/piece"));
      return "";
    },
  };
  await expect(make(root, elsewhere, big)).rejects.toThrow("ENOENT");
  expect((await make(root, pieces, big)).bytesTold).toBe(24 * MIB);
});

test("a piece that was damaged in the cache is not packed", async () => {
  const root = await scratchFolder();
  await writeFile(join(root, "a"), "one");
  const pieces = await openPieces(join(root, "pieces"));
  const slices: Slice<Part>[] = [{ path: "a", part: "app code", offset: 0, length: 3 }];
  const { piece } = await make(root, pieces, frame(slices));
  await truncate(piece.path, 10);
  await expect(make(root, pieces, frame(slices))).rejects.toMatchObject({ code: "CACHE_DAMAGED" });
});

test("a frame is one zstd frame: a last chunk that rode along with the end once got an empty frame after it", async () => {
  const root = await scratchFolder();
  await writeFile(join(root, "code"), randomBytes(90_500).toString("hex"));
  // The third chunk fills a block, which takes level 19 a while: the small last one has to queue behind it.
  const lengths = [60_000, 60_000, 60_000, 1000];
  const slices = lengths.map((length, at): Slice<Part> => {
    return { path: "code", part: "app code", offset: 60_000 * at, length };
  });
  const { piece } = await make(root, await openPieces(join(root, "pieces")), frame(slices), { compression: "best" });
  const bytes = await frameBytes(piece);
  const magic = Buffer.from("28b52ffd", "hex");
  expect(bytes.lastIndexOf(magic)).toBe(0);
  expect(zstdDecompressSync(bytes)).toEqual(await readFile(join(root, "code")));
});
