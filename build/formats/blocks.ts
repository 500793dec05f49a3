/**
 * Which bytes of an archive are compressed together. Blocks follow one another
 * as the bytes do and are compressed and kept one by one, so a block holds
 * what changes together: every large run of a program's code or data has one
 * of its own, code filtered; what lies between, headers and small files among
 * it, shares them.
 */
import { lengthOf, type Extent } from "./extent.ts";

export type BlockFilter = "none" | "x86";

/** A run of bytes of one file, all of one part and of one kind. */
export interface Cut<P extends string> {
  readonly offset: number;
  readonly length: number;
  readonly part: P;
  readonly filter: BlockFilter;
}

export interface PlannedBlock<P extends string> {
  readonly filter: BlockFilter;
  readonly extents: readonly Extent[];
  readonly rawBytes: number;
  /** Raw bytes by part. */
  readonly parts: ReadonlyMap<P, number>;
}

export interface BlockRequest<P extends string> {
  readonly extents: readonly Extent[];
  /** The cuts of a file, from its first byte to its last; undefined for a file that is `rest`. */
  readonly cutsOf: (file: string) => readonly Cut<P>[] | undefined;
  /** The part of headers and of everything that `cutsOf` does not know. */
  readonly rest: P;
}

const OWN_BLOCK_BYTES = 1 << 20;
/** A reader of the finished file may decode blocks side by side, and holds them whole. */
const MAX_BLOCK_BYTES = 64 << 20;
const MAX_SHARED_BYTES = 16 << 20;

/** The blocks of these extents, in order; none empty. */
export function planBlocks<P extends string>(request: BlockRequest<P>): readonly PlannedBlock<P>[] {
  const blocks: PlannedBlock<P>[] = [];
  let shared: Run<P>[] = [];
  let sharedBytes = 0;
  const endShared = (): void => {
    if (shared.length > 0) blocks.push(blockOf(shared));
    shared = [];
    sharedBytes = 0;
  };
  for (const run of runsOf(request)) {
    const length = lengthOf(run.extent);
    if (length >= OWN_BLOCK_BYTES) {
      endShared();
      for (const piece of split(run)) blocks.push(blockOf([piece]));
      continue;
    }
    // Filtered bytes would have to be a block of their own, which does not pay for a few.
    if (sharedBytes + length > MAX_SHARED_BYTES) endShared();
    shared.push({ ...run, filter: "none" });
    sharedBytes += length;
  }
  endShared();
  return blocks;
}

/** All of it in one block, for a compressor that makes one stream. */
export function oneBlock<P extends string>(request: BlockRequest<P>): PlannedBlock<P> {
  return blockOf([...runsOf(request)].map((run) => ({ ...run, filter: "none" })));
}

interface Run<P> {
  readonly extent: Extent;
  readonly part: P;
  readonly filter: BlockFilter;
}

function* runsOf<P extends string>({ extents, cutsOf, rest }: BlockRequest<P>): Generator<Run<P>> {
  for (const extent of extents) {
    const cuts = "file" in extent ? cutsOf(extent.file) : undefined;
    if (cuts === undefined || !("file" in extent)) {
      if (lengthOf(extent) > 0) yield { extent, part: rest, filter: "none" };
      continue;
    }
    const end = extent.offset + extent.length;
    let at = extent.offset;
    for (const { offset, length, part, filter } of cuts) {
      const [from, to] = [Math.max(offset, at), Math.min(offset + length, end)];
      if (to <= from) continue;
      if (from !== at) throw new RangeError(`byte ${at} of ${extent.file} is in no cut`);
      yield { extent: { file: extent.file, offset: from, length: to - from }, part, filter };
      at = to;
    }
    if (at !== end) throw new RangeError(`byte ${at} of ${extent.file} is in no cut`);
  }
}

function* split<P>({ extent, ...rest }: Run<P>): Generator<Run<P>> {
  const length = lengthOf(extent);
  for (let at = 0; at < length; at += MAX_BLOCK_BYTES) {
    const size = Math.min(MAX_BLOCK_BYTES, length - at);
    const piece =
      "bytes" in extent
        ? { bytes: extent.bytes.subarray(at, at + size) }
        : { file: extent.file, offset: extent.offset + at, length: size };
    yield { ...rest, extent: piece };
  }
}

function blockOf<P extends string>(runs: readonly Run<P>[]): PlannedBlock<P> {
  const parts = new Map<P, number>();
  for (const { part, extent } of runs) parts.set(part, (parts.get(part) ?? 0) + lengthOf(extent));
  return {
    filter: runs[0]?.filter ?? "none",
    extents: runs.map(({ extent }) => extent),
    rawBytes: [...parts.values()].reduce((sum, bytes) => sum + bytes, 0),
    parts,
  };
}
