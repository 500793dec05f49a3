/** Where a program's code and data lie, whatever its format. */
import type { ByteSource } from "./elf-strip.ts";
import { elfRegions } from "./frames-elf.ts";
import { peRegions } from "./frames-pe.ts";
import type { ProgramRegions } from "./region-tiles.ts";

/**
 * The regions of the program that begins the source, up to `length`; the
 * source may be longer. Undefined for anything else, and for a program whose
 * headers make no sense, which is compressed as plain data.
 */
export function programRegions(source: ByteSource, length: number): ProgramRegions | undefined {
  return elfRegions(source, length) ?? peRegions(source, length);
}
