/** A program cut into regions from its first byte to its last, so that each is compressed with its own kind. */
import type { BcjFilter } from "./bcj.ts";

export interface ProgramRegion {
  readonly kind: "head" | "code" | "data";
  readonly offset: number;
  readonly length: number;
}

export interface ProgramRegions {
  readonly filter: BcjFilter;
  /** From the first byte to the last, none empty. */
  readonly regions: readonly ProgramRegion[];
}

/** The head, then code where `code` says, data everywhere else; ranges may overlap and leave the file. */
export function tileRegions(
  headBytes: number,
  code: readonly (readonly [start: number, end: number])[],
  size: number,
): readonly ProgramRegion[] {
  const regions: ProgramRegion[] = [{ kind: "head", offset: 0, length: headBytes }];
  let at = headBytes;
  const add = (kind: ProgramRegion["kind"], end: number): void => {
    if (end > at) regions.push({ kind, offset: at, length: end - at });
    at = Math.max(at, end);
  };
  for (const [start, end] of [...code].sort(([a], [b]) => a - b)) {
    add("data", Math.min(start, size));
    add("code", Math.min(end, size));
  }
  add("data", size);
  return regions;
}
