/**
 * A `.zip` of an app folder, by `archiver` (APPNOTE 6.3): entries in the given
 * order, Unix modes kept, links kept to the letter, UTF-8 names, one date for
 * all, so that the same tree gives the same bytes. For zips that are made once;
 * `zip-file.ts` makes those of a release, from pieces that are kept.
 */
import { ZipArchive } from "archiver";
import { createReadStream, createWriteStream } from "node:fs";
import { once } from "node:events";
import { finished } from "node:stream/promises";
import { ErthError } from "../../runtime/base/errors.ts";
import { readZipDirectory, type ZipRecord } from "./zip-directory.ts";

/** Names are "/" separated; a folder's does not end in one. */
export type ZipEntry =
  | { readonly kind: "folder"; readonly name: string }
  | { readonly kind: "link"; readonly name: string; readonly target: string }
  | { readonly kind: "file"; readonly name: string; readonly file: string; readonly mode: number };

export interface ZipOptions {
  readonly deflateLevel: number;
  readonly signal: AbortSignal;
  /** Told the raw bytes of every file that is in. */
  readonly onFile: (name: string) => void;
}

/** The first moment that a zip can express, in UTC. */
const DATE = new Date("1980-01-01T00:00:00Z");
const FOLDER_MODE = 0o755;
const LINK_MODE = 0o777;

/** Writes the zip and returns its directory, read back. Throws `ZIP_NAME` for a name that archiver would change. */
export async function writeZip(
  path: string,
  entries: readonly ZipEntry[],
  options: ZipOptions,
): Promise<readonly ZipRecord[]> {
  const archive = new ZipArchive({ zlib: { level: options.deflateLevel, chunkSize: 1 << 18 } });
  const output = createWriteStream(path, { flush: true });
  const done = finished(output);
  // Also awaited below; here it only must not be called unhandled before that.
  done.catch(() => undefined);
  archive.on("error", (error) => output.destroy(error));
  archive.on("warning", (error) => output.destroy(error));
  const abort = (): void => void output.destroy(new DOMException("The operation was aborted", "AbortError"));
  options.signal.addEventListener("abort", abort, { once: true });
  try {
    options.signal.throwIfAborted();
    archive.pipe(output);
    for (const entry of entries) {
      // One at a time: archiver would open every file at once.
      const added = once(archive, "entry");
      append(archive, entry, output);
      await Promise.race([added, done]);
      options.onFile(entry.name);
    }
    await Promise.all([archive.finalize(), done]);
  } catch (error) {
    archive.abort();
    output.destroy();
    throw error;
  } finally {
    options.signal.removeEventListener("abort", abort);
  }
  const records = await readZipDirectory(path);
  assertAllThere(entries, records);
  return records;
}

function append(
  archive: ZipArchive,
  entry: ZipEntry,
  output: NodeJS.WritableStream & { destroy(e: Error): void },
): void {
  if (entry.kind === "link") {
    // Not archiver's symlink(), file() or directory(): the first dates the link now and turns its
    // backslashes, the others make an absolute target relative. Given so, the target stays as it is.
    const link = { type: "symlink", linkname: entry.target } as const;
    archive.append(Buffer.alloc(0), { name: entry.name, date: DATE, mode: LINK_MODE, ...link });
  } else if (entry.kind === "folder") {
    archive.append(Buffer.alloc(0), { name: `${entry.name}/`, date: DATE, mode: FOLDER_MODE });
  } else {
    const source = createReadStream(entry.file, { highWaterMark: 1 << 20 });
    source.on("error", (error) => output.destroy(error));
    archive.append(source, { name: entry.name, date: DATE, mode: entry.mode });
  }
}

/** archiver cleans names by rules of its own; a name that it changed would be another file. */
function assertAllThere(entries: readonly ZipEntry[], records: readonly ZipRecord[]): void {
  for (const [at, entry] of entries.entries()) {
    const wanted = entry.kind === "folder" ? `${entry.name}/` : entry.name;
    if (records[at]?.name === wanted && entries.length === records.length) continue;
    throw new ErthError({
      code: "ZIP_NAME",
      message: `a zip cannot carry the file name ${wanted}; it became ${records[at]?.name ?? "nothing"}.`,
      remedy: "rename the file, then erth package",
      facts: { name: wanted },
    });
  }
}
