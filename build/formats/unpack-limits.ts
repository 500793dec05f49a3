/** How much an untrusted archive may unpack to: a bomb is small, and promises or holds much more. */

export interface UnpackLimits {
  readonly maxEntries: number;
  /** Of all entries together, unpacked. */
  readonly maxBytes: number;
  /** Unpacked bytes for each byte of the archive. */
  readonly maxRatio: number;
}

/** Apps have some thousand files and some hundred megabytes. */
export const LIMITS: UnpackLimits = { maxEntries: 200_000, maxBytes: 8 * 2 ** 30, maxRatio: 200 };

/** Small archives may be dense: below this, no ratio is asked for. */
const FREE_BYTES = 64 << 20;

/** What an archive of this size may unpack to. */
export function mostBytes({ maxBytes, maxRatio }: UnpackLimits, archiveBytes: number): number {
  return Math.min(maxBytes, Math.max(FREE_BYTES, archiveBytes * maxRatio));
}
