/**
 * How frames are compressed. Measured on Bun 1.3.13 and stripped Node 26.10:
 * level 22 saves 0.4 % over 19 for 2.5 times the memory, windows above 32 MiB
 * save 0.1 % within one program; only the shared data of two runtimes needs
 * 128 MiB and long-distance matching, and gives a tenth of the file for it.
 * At most 0.4 GB for a frame.
 */
import { constants } from "node:zlib";
import type { Compression } from "../../config/resolved-config.ts";

export type ZstdParameters = Readonly<Record<number, number>>;

const LEVEL: Readonly<Record<Compression, number>> = { best: 19, fast: 3 };
const WINDOW_LOG = 25;
const LONG_WINDOW_LOG = 27;

/** zstd's parameters for a frame; `isLong` where its content repeats over tens of megabytes. */
export function zstdParameters(compression: Compression, isLong: boolean): ZstdParameters {
  return {
    [constants.ZSTD_c_compressionLevel]: LEVEL[compression],
    [constants.ZSTD_c_windowLog]: isLong ? LONG_WINDOW_LOG : WINDOW_LOG,
    ...(isLong ? { [constants.ZSTD_c_enableLongDistanceMatching]: 1 } : {}),
    [constants.ZSTD_c_checksumFlag]: 0,
  };
}

/** For zip, gzip and MSIX. 100 MB of Bun: level 1 is 43.2 MB in 1.2 CPU s, 5 is 40.2 in 2.0, 9 is 40.0 in 4.9; pieces are kept, so it is paid once. */
export const DEFLATE_LEVEL: Readonly<Record<Compression, number>> = { best: 9, fast: 1 };
