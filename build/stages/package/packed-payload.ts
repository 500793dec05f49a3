/**
 * What follows the stub in a single file, an AppImage's AppRun and a portable
 * `.exe`: frames, compressed once and shared by all of them, index and footer.
 * `formats/payload.ts` has the layout.
 */
import { createHash } from "node:crypto";
import { closeSync, createReadStream, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson, sha256OfFile } from "../../artifacts/digest.ts";
import type { Part } from "../../config/resolved-config.ts";
import type { ByteSource } from "../../formats/elf-strip.ts";
import { planFrames, type PlannedFrame, type Slice } from "../../formats/frames.ts";
import { encodeTail, type PayloadEntry, type PayloadFrame, type PayloadIndex } from "../../formats/payload.ts";
import { programRegions } from "../../formats/program-regions.ts";
import type { ProgramRegions } from "../../formats/region-tiles.ts";
import type { TargetContext } from "../stage.ts";
import { noBytes, type AppTree } from "./app-tree.ts";
import { zstdParameters } from "./compression.ts";
import { framePiece, type FramePiece } from "./frame-piece.ts";
import { assertPackable } from "./packable.ts";
import type { PackageRequest } from "./package-format.ts";
import { requirementsOf } from "./requirements.ts";

const ID_DIGITS = 32;

export interface PackedPayload {
  /** Of the stub and all that follows it. */
  readonly fileBytes: number;
  /** Contribution by part, the stub to the container; sums up to `fileBytes`. */
  readonly compressedBytes: Readonly<Record<Part, number>>;
  /** All that follows the stub, in order. */
  readonly chunks: () => AsyncIterable<Uint8Array>;
}

/** What shapes the payload's bytes, besides the app and its own sources. */
export function payloadReads(ctx: TargetContext): unknown {
  const { name, slug, identifier, version } = ctx.config.app;
  const { compression } = ctx.config.package;
  const requirements = requirementsOf(ctx.target.target, ctx.target.shell.kind);
  return { name, slug, identifier, version, compression, requirements, zstd: process.versions.zstd };
}

/** Compresses the app and lays it out behind a stub of this length. Throws `PACKAGE_NAME` and `PACKAGE_LINK`. */
export async function packPayload(request: PackageRequest, stubBytes: number): Promise<PackedPayload> {
  const { ctx, app, tree } = request;
  assertPackable(app, tree, ctx.target.target);
  const planned = planFrames(tree.slices, (segment) => regionsOf(tree.root, segment));
  const pieces = await compressAll(request, planned);
  const entries = await entriesOf(tree, planned);

  const compressedBytes = noBytes();
  const frames: PayloadFrame[] = [];
  let at = stubBytes;
  for (const [number, { filter, rawLength }] of planned.entries()) {
    const piece = pieces[number];
    if (!piece) throw new Error(`frame ${number} was not compressed`);
    frames.push({ offset: at, length: piece.length, rawLength, filter, sha256: piece.sha256 });
    at += piece.length;
    for (const { part, bytes } of piece.runs) compressedBytes[part] += bytes;
  }
  const tail = encodeTail(indexOf(request, frames, entries), at);
  const fileBytes = at + tail.length;
  compressedBytes.container = fileBytes - Object.values(compressedBytes).reduce((sum, bytes) => sum + bytes, 0);
  return {
    fileBytes,
    compressedBytes,
    chunks: async function* () {
      for (const { path, length } of pieces) yield* fileChunks(path, length);
      yield tail;
    },
  };
}

function indexOf(
  { ctx, app }: PackageRequest,
  frames: readonly PayloadFrame[],
  entries: readonly PayloadEntry[],
): PayloadIndex {
  const { name, slug, identifier, version } = ctx.config.app;
  const { launch } = app.facts;
  return {
    v: 1,
    app: { name, slug, identifier, version },
    id: contentId(entries),
    launch: { ...launch, args: [...launch.args], env: { ...launch.env } },
    requirements: [...requirementsOf(ctx.target.target, app.facts.shell)],
    frames: [...frames],
    entries: [...entries],
  };
}

/** The first `length` bytes of a file. */
export async function* fileChunks(path: string, length: number): AsyncGenerator<Uint8Array> {
  yield* createReadStream(path, { end: length - 1, highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
}

function regionsOf(root: string, { path, offset, length }: Slice): ProgramRegions | undefined {
  const file = join(root, path);
  const fd = openSync(file, "r");
  try {
    const source: ByteSource = {
      size: statSync(file).size - offset,
      read(at, count) {
        const bytes = Buffer.alloc(count);
        readSync(fd, bytes, 0, count, offset + at);
        return bytes;
      },
    };
    return programRegions(source, length);
  } finally {
    closeSync(fd);
  }
}

async function compressAll(
  { ctx, tree }: PackageRequest,
  frames: readonly PlannedFrame<Part>[],
): Promise<FramePiece[]> {
  let done = 0;
  const onBytes = (bytes: number): void => {
    done += bytes;
    ctx.progress({ label: "compressing", done, total: tree.fileBytes, unit: "bytes" });
  };
  // One failure stops the others, which would go on for a minute otherwise.
  const stop = new AbortController();
  const signal = AbortSignal.any([ctx.signal, stop.signal]);
  const making = frames.map((frame) => {
    const parameters = zstdParameters(ctx.config.package.compression, frame.isLong);
    return framePiece({ frame, root: tree.root, parameters, pieces: ctx.pieces, signal, onBytes });
  });
  try {
    return await Promise.all(making);
  } catch (error) {
    stop.abort();
    await Promise.allSettled(making);
    throw error;
  }
}

async function entriesOf(tree: AppTree, frames: readonly PlannedFrame<Part>[]): Promise<readonly PayloadEntry[]> {
  const places = placesOf(frames);
  const entries: PayloadEntry[] = [];
  for (const { path, kind, bytes, isExecutable, link } of tree.entries) {
    if (kind === "folder") entries.push({ type: "folder", path });
    else if (kind === "link") entries.push({ type: "link", path, target: link ?? "" });
    else {
      const mode = isExecutable ? 0o755 : 0o644;
      const sha256 = await sha256OfFile(join(tree.root, path));
      entries.push({ type: "file", path, mode, size: bytes, sha256, slices: [...(places.get(path) ?? [])] });
    }
  }
  return entries;
}

interface Place {
  readonly frame: number;
  readonly offset: number;
  readonly length: number;
}

/** For each file, in its own order, where its bytes are in the frames. */
function placesOf(frames: readonly PlannedFrame[]): ReadonlyMap<string, readonly Place[]> {
  const places = new Map<string, (Place & { readonly at: number })[]>();
  for (const [frame, { slices }] of frames.entries()) {
    let offset = 0;
    for (const slice of slices) {
      const known = places.get(slice.path) ?? [];
      known.push({ at: slice.offset, frame, offset, length: slice.length });
      places.set(slice.path, known);
      offset += slice.length;
    }
  }
  return new Map(
    [...places].map(([path, known]) => [
      path,
      known.sort((a, b) => a.at - b.at).map(({ frame, offset, length }) => ({ frame, offset, length })),
    ]),
  );
}

/** The same tree has the same id, however it is compressed. */
function contentId(entries: readonly PayloadEntry[]): string {
  const content = entries.map((entry) => ({ ...entry, slices: undefined }));
  return createHash("sha256").update(canonicalJson(content)).digest("hex").slice(0, ID_DIGITS);
}
