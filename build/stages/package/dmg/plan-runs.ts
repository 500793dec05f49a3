/**
 * Where a disk image is cut into runs, each compressed and kept on its own:
 * so that a change of app code leaves the runs of everything else as they
 * were, wherever they have moved to.
 */
import { createHash } from "node:crypto";
import type { Part } from "../../../config/resolved-config.ts";
import type { HfsPlusImage } from "../../../formats/hfs-plus.ts";
import { SECTOR_BYTES } from "../../../formats/udif.ts";
import { LARGE_BYTES, type DmgVolume } from "./volume.ts";

export interface PlannedRun {
  /** In the volume; whole sectors. */
  readonly offset: number;
  readonly bytes: number;
  /** How many of its bytes are of which part; the rest is the container's. */
  readonly parts: ReadonlyMap<Part, number>;
}

/** The boot blocks, which are zero. */
const BOOT_BYTES = 1024;
/** Of a program: load commands name what follows, so they change with it. */
const HEAD_BYTES = 64 << 10;
/** Small files share a run of about this size, and begin a new one where a name says so. */
const SHARED_BYTES = 2 << 20;
const CUT_CHANCE = 1 / 4;

export function planRuns(image: HfsPlusImage, { slices }: DmgVolume, maxRunBytes: number): readonly PlannedRun[] {
  const cuts = cutsOf(image, slices);
  const stretches = segmentsOf(image, slices);
  const runs: PlannedRun[] = [];
  let next = 0;
  for (const [at, from] of cuts.entries()) {
    const to = cuts[at + 1] ?? image.bytes;
    for (let offset = from; offset < to; offset += maxRunBytes) {
      const bytes = Math.min(maxRunBytes, to - offset);
      const parts = new Map<Part, number>();
      while ((stretches[next]?.end ?? Infinity) <= offset) next += 1;
      for (let segment = next; (stretches[segment]?.start ?? Infinity) < offset + bytes; segment += 1) {
        const { start, end, part } = stretches[segment] ?? { start: 0, end: 0, part: "container" as const };
        const inside = Math.min(end, offset + bytes) - Math.max(start, offset);
        parts.set(part, (parts.get(part) ?? 0) + inside);
      }
      runs.push({ offset, bytes, parts });
    }
  }
  return runs;
}

type Slices = DmgVolume["slices"];

/** Offsets at which a run begins whatever comes before: sorted, on sectors, 0 among them. */
function cutsOf(image: HfsPlusImage, slices: Slices): readonly number[] {
  const cuts = new Set<number>([0, BOOT_BYTES, image.head.length]);
  let shared = image.head.length;
  for (const { item, offset, bytes } of image.contents) {
    if (bytes < LARGE_BYTES) {
      if (offset - shared < SHARED_BYTES || !isCutName(item.path)) continue;
      cuts.add(offset);
      shared = offset;
      continue;
    }
    cuts.add(offset).add(offset + HEAD_BYTES);
    for (const { part, offset: at, length } of slices.get(item.path) ?? []) {
      // A sector on the boundary goes with app code, which changes most.
      const toSector = part === "app code" ? Math.ceil : Math.floor;
      cuts.add(offset + toSector((at + length) / SECTOR_BYTES) * SECTOR_BYTES);
    }
    shared = offset + bytes;
  }
  return [...cuts].filter((cut) => cut < image.bytes).sort((a, b) => a - b);
}

/** By its digest, so that a file more or less moves the cuts no further than to the next such name. */
function isCutName(path: string): boolean {
  return (createHash("sha256").update(path).digest()[0] ?? 0) < 256 * CUT_CHANCE;
}

interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly part: Part;
}

/** What of the volume belongs to which part, by offset; the gaps are the container's. */
function segmentsOf(image: HfsPlusImage, slices: Slices): readonly Stretch[] {
  return image.contents.flatMap(({ item, offset }) =>
    (slices.get(item.path) ?? []).map(({ part, offset: at, length }) => ({
      start: offset + at,
      end: offset + at + length,
      part,
    })),
  );
}
