/** Format: one executable file that unpacks itself once; `formats/payload.ts` has the layout. */
import { createHash } from "node:crypto";
import { closeSync, createReadStream, openSync, readSync, statSync } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { canonicalJson, sha256OfFile } from "../../artifacts/digest.ts";
import type { Part } from "../../config/resolved-config.ts";
import type { ByteSource } from "../../formats/elf-strip.ts";
import { elfRegions, type ElfRegions } from "../../formats/frames-elf.ts";
import { planFrames, type PlannedFrame, type Slice } from "../../formats/frames.ts";
import { encodeTail, type PayloadEntry, type PayloadFrame, type PayloadIndex } from "../../formats/payload.ts";
import { hostTarget } from "../../plan/target.ts";
import { stubPath } from "../../stub/targets.ts";
import { SINGLE_FILE, SINGLE_FILE_ARM64 } from "../verify/container-reader.ts";
import { noBytes, type AppTree } from "./app-tree.ts";
import { assertPackable } from "./packable.ts";
import { zstdParameters } from "./compression.ts";
import { framePiece, type FramePiece } from "./frame-piece.ts";
import type { PackageFormat, PackageRequest, PackageResult } from "./package-format.ts";
import { REQUIREMENTS } from "./requirements.ts";

const ID_DIGITS = 32;
const EXECUTABLE_MODE = 0o755;

export const singleFile: PackageFormat = {
  version: 1,
  reads(ctx) {
    const { name, slug, identifier, version } = ctx.config.app;
    const { compression } = ctx.config.package;
    const requirements = REQUIREMENTS[ctx.target.shell.kind];
    const values = { name, slug, identifier, version, compression, requirements, zstd: process.versions.zstd };
    return { values, files: [stubPath(ctx.target.target)] };
  },
  async write(request) {
    const { tree } = request;
    assertPackable(request.app, tree);
    const frames = planFrames(tree.slices, (segment) => regionsOf(tree.root, segment));
    const pieces = await compressAll(request, frames);
    const entries = await entriesOf(tree, frames);
    return writeFile(request, frames, pieces, entries);
  },
  proof: {
    readers: (target) =>
      target === hostTarget() ? [SINGLE_FILE] : target === "linux-arm64" ? [SINGLE_FILE_ARM64] : [],
    appRoot: () => "",
  },
};

function regionsOf(root: string, { path, offset, length }: Slice): ElfRegions | undefined {
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
    return elfRegions(source, length);
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

async function writeFile(
  { ctx, app, path }: PackageRequest,
  planned: readonly PlannedFrame<Part>[],
  pieces: readonly FramePiece[],
  entries: readonly PayloadEntry[],
): Promise<PackageResult> {
  const stub = stubPath(ctx.target.target);
  const compressedBytes = noBytes();
  const file = await open(path, "wx", EXECUTABLE_MODE);
  try {
    let at = (await stat(stub)).size;
    await append(file, stub, at);
    const frames: PayloadFrame[] = [];
    for (const [number, { filter, rawLength }] of planned.entries()) {
      const piece = pieces[number];
      if (!piece) throw new Error(`frame ${number} was not compressed`);
      await append(file, piece.path, piece.length);
      frames.push({ offset: at, length: piece.length, rawLength, filter, sha256: piece.sha256 });
      at += piece.length;
      for (const { part, bytes } of piece.runs) compressedBytes[part] += bytes;
    }
    const { name, slug, identifier, version } = ctx.config.app;
    const launch = { ...app.facts.launch, args: [...app.facts.launch.args], env: { ...app.facts.launch.env } };
    const index: PayloadIndex = {
      v: 1,
      app: { name, slug, identifier, version },
      id: contentId(entries),
      launch,
      requirements: [...REQUIREMENTS[app.facts.shell]],
      frames,
      entries: [...entries],
    };
    const tail = encodeTail(index, at);
    await file.writeFile(tail);
    await file.chmod(EXECUTABLE_MODE);
    await file.sync();
    const fileBytes = at + tail.length;
    compressedBytes.container = fileBytes - Object.values(compressedBytes).reduce((sum, bytes) => sum + bytes, 0);
    return { compressedBytes, containerDiskBytes: fileBytes };
  } finally {
    await file.close();
  }
}

async function append(file: FileHandle, from: string, length: number): Promise<void> {
  const source = createReadStream(from, { end: length - 1, highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
  for await (const chunk of source) await file.writeFile(chunk);
}

/** The same tree has the same id, however it is compressed. */
function contentId(entries: readonly PayloadEntry[]): string {
  const content = entries.map((entry) => ({ ...entry, slices: undefined }));
  return createHash("sha256").update(canonicalJson(content)).digest("hex").slice(0, ID_DIGITS);
}
