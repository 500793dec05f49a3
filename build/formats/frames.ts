/**
 * Which bytes of an app folder go into which frame of the payload. Frames are
 * unpacked and cached one by one, so a frame holds what changes together:
 *
 * - machine code: a frame for each program, filtered;
 * - data of programs: one frame for all of them, since runtimes share a lot of
 *   it (the ICU tables in Bun and in Node: a tenth of the finished file);
 * - other files from 1 MiB on: frames of their own;
 * - the rest: one frame for each part.
 */
import type { BcjFilter } from "./bcj.ts";
import type { ProgramRegions } from "./region-tiles.ts";

export type FrameFilter = "none" | BcjFilter;

/** A run of bytes of one file that belongs to one part. */
export interface Slice<P extends string = string> {
  /** In the app folder, "/" separated. */
  readonly path: string;
  readonly part: P;
  readonly offset: number;
  readonly length: number;
}

export interface PlannedFrame<P extends string = string> {
  readonly filter: FrameFilter;
  /** Whether its content repeats at distances of tens of megabytes. */
  readonly isLong: boolean;
  readonly rawLength: number;
  readonly slices: readonly Slice<P>[];
}

/** No frame is longer, so that unpacking needs no more memory than this. */
export const MAX_FRAME_BYTES = 128 << 20;
const OWN_FRAME_BYTES = 1 << 20;
const MAX_SOLID_BYTES = 32 << 20;

/**
 * Plans the frames of these slices, which are the segments of every file. A
 * slice that is a program is cut by the regions that `regionsOf` finds.
 */
export function planFrames<P extends string>(
  segments: readonly Slice<P>[],
  regionsOf: (segment: Slice<P>) => ProgramRegions | undefined,
): readonly PlannedFrame<P>[] {
  const frames: PlannedFrame<P>[] = [];
  const shared: Slice<P>[] = [];
  const small = new Map<P, Slice<P>[]>();
  for (const segment of [...segments].sort(byPlace)) {
    for (const { slice, filter } of cut(segment, regionsOf(segment))) {
      if (slice.length === 0) continue;
      if (slice.length < OWN_FRAME_BYTES) small.set(slice.part, [...(small.get(slice.part) ?? []), slice]);
      else if (filter === "data") shared.push(...split(slice));
      else for (const piece of split(slice)) frames.push(frameOf(filter, false, [piece]));
    }
  }
  for (const group of gather(shared, MAX_FRAME_BYTES)) frames.push(frameOf("none", true, group));
  for (const part of [...small.keys()].sort()) {
    for (const group of gather(small.get(part) ?? [], MAX_SOLID_BYTES)) frames.push(frameOf("none", false, group));
  }
  return frames;
}

interface Cut<P extends string> {
  readonly slice: Slice<P>;
  readonly filter: FrameFilter | "data";
}

function cut<P extends string>(segment: Slice<P>, program: ProgramRegions | undefined): readonly Cut<P>[] {
  if (!program) return [{ slice: segment, filter: "none" }];
  return program.regions.map(({ kind, offset, length }) => ({
    slice: { ...segment, offset: segment.offset + offset, length },
    filter: kind === "code" ? program.filter : kind === "data" ? "data" : "none",
  }));
}

function split<P extends string>(slice: Slice<P>): readonly Slice<P>[] {
  const pieces: Slice<P>[] = [];
  for (let at = 0; at < slice.length; at += MAX_FRAME_BYTES) {
    pieces.push({ ...slice, offset: slice.offset + at, length: Math.min(MAX_FRAME_BYTES, slice.length - at) });
  }
  return pieces;
}

function gather<P extends string>(slices: readonly Slice<P>[], maxBytes: number): readonly (readonly Slice<P>[])[] {
  const groups: Slice<P>[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const slice of slices) {
    if (bytes + slice.length > maxBytes) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(slice);
    bytes += slice.length;
  }
  return groups;
}

function frameOf<P extends string>(filter: FrameFilter, isLong: boolean, slices: readonly Slice<P>[]): PlannedFrame<P> {
  return { filter, isLong, rawLength: slices.reduce((sum, { length }) => sum + length, 0), slices };
}

function byPlace(a: Slice, b: Slice): number {
  if (a.path !== b.path) return a.path < b.path ? -1 : 1;
  return a.offset - b.offset;
}
