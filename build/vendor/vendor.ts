/**
 * Binaries that we did not build, by name: `node/linux-x64`, `bun/darwin-arm64`,
 * `webview`, `electrobun`, `electrobun-core/win32-x64`, `native/libsql/linux-x64`.
 * `erth.lock.json` says what each name is, to the digest.
 */

export interface Vendor {
  /**
   * Folder of the entry's unpacked, verified files, downloaded if it is not in
   * the cache. Throws `VENDOR_UNLOCKED`, `VENDOR_DIGEST`, `VENDOR_UNREACHABLE`.
   */
  folder(name: string): Promise<string>;
  /** The locked digest, for a cache key. Undefined if the lock has no such entry or no digest for it. */
  digest(name: string): string | undefined;
}
