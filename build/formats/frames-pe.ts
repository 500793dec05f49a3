/** Where a Windows program's code and data lie: PE Format, the section table; 64 bits. */
import type { BcjFilter } from "./bcj.ts";
import type { ByteSource } from "./elf-strip.ts";
import { readPeOutline } from "./pe-outline.ts";
import { tileRegions, type ProgramRegions } from "./region-tiles.ts";

const FILTERS = new Map<number, BcjFilter>([
  [0x8664, "bcj-x86"],
  [0xaa64, "bcj-arm64"],
]);

/**
 * The regions of the PE file that begins the source, cut at its sections, up
 * to `length`. Its headers are a region of their own, because they change
 * with resources and signature.
 */
export function peRegions(source: ByteSource, length: number): ProgramRegions | undefined {
  if (source.size < length) return undefined;
  const outline = readPeOutline(source);
  const filter = outline && FILTERS.get(outline.machine);
  if (outline === undefined || filter === undefined) return undefined;
  const { headerBytes, sections } = outline;
  if (headerBytes === 0 || headerBytes >= length) return undefined;
  const code = sections.filter(({ isCode }) => isCode).map(({ offset, bytes }) => [offset, offset + bytes] as const);
  return { filter, regions: tileRegions(headerBytes, code, length) };
}
