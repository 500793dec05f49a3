/** Which part of the app a container's compressed bytes belong to, for the size report. */
import type { Part } from "../../config/resolved-config.ts";
import { type AppTree, noBytes } from "./app-tree.ts";

export interface PartLedger {
  /** Books the compressed bytes of a range of one file: by raw length where it holds several parts. */
  book(path: string, offset: number, bytes: number, compressedBytes: number): void;
  /** Contribution by part, the rest of the file being the container's. */
  close(fileBytes: number): Readonly<Record<Part, number>>;
}

/** An empty ledger over the slices of a tree. */
export function partLedger(tree: AppTree): PartLedger {
  const slices = Map.groupBy(tree.slices, ({ path }) => path);
  const booked = noBytes();
  return {
    book(path, offset, bytes, compressedBytes) {
      let rest = compressedBytes;
      let rawRest = bytes;
      for (const slice of slices.get(path) ?? []) {
        const overlap = Math.min(offset + bytes, slice.offset + slice.length) - Math.max(offset, slice.offset);
        if (overlap <= 0) continue;
        // Of what is left, so that the last part takes what rounding leaves over.
        const share = Math.round((rest * overlap) / rawRest);
        booked[slice.part] += share;
        rest -= share;
        rawRest -= overlap;
      }
    },
    close(fileBytes) {
      const contents = Object.values(booked).reduce((sum, share) => sum + share, 0);
      return { ...booked, container: booked.container + fileBytes - contents };
    },
  };
}
