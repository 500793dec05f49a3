/**
 * A `.zip` of an app folder, made of compressed pieces: entries in the given
 * order, Unix modes and links exactly as they are, UTF-8 names, one date.
 *
 * Written here because neither archiver nor yazl takes data that is already
 * compressed: they would deflate a runtime of 100 MB again for every change of
 * a line of app code. `zip.ts` is archiver's, for zips that are made once.
 */
import { crc32 } from "node:zlib";
import { type Deflate, DEFLATE_END, RUN_BYTES } from "./deflate-run.ts";
import { packFile, readAgain, type SourceFile } from "./packed-file.ts";
import type { Sink } from "./sink.ts";
import { type ZipEntryFacts, ZIP_DEFLATED, ZIP_STORED } from "./zip-records.ts";
import { zipWriter, type ZipWriter } from "./zip-writer.ts";

/** Names are "/" separated; a folder's does not end in one. */
export type PackedEntry =
  | { readonly kind: "folder"; readonly name: string }
  | { readonly kind: "link"; readonly name: string; readonly target: string }
  | ({ readonly kind: "file"; readonly name: string; readonly isExecutable: boolean } & SourceFile);

export interface ZipFileOptions {
  readonly deflate: Deflate;
  readonly signal: AbortSignal;
  /** Told what each part of a file came to; compressed bytes sum up to the entries' data. */
  readonly onPacked?: (packed: PackedPart) => void;
}

export interface PackedPart {
  readonly name: string;
  readonly offset: number;
  /** Raw bytes. */
  readonly bytes: number;
  readonly compressedBytes: number;
}

const FOLDER_MODE = 0o040755;
const LINK_MODE = 0o120777;
const FILE_MODE = 0o100644;
const EXECUTABLE_MODE = 0o100755;

/** Appends the whole zip. Throws `ZIP_NAME`, and `FILE_CHANGED` for a file that is written to meanwhile. */
export async function writeZipFile(
  sink: Sink,
  entries: readonly PackedEntry[],
  options: ZipFileOptions,
): Promise<void> {
  const zip = zipWriter(sink);
  for (const entry of entries) {
    options.signal.throwIfAborted();
    if (entry.kind === "folder") await zip.add(plain(`${entry.name}/`, FOLDER_MODE, new Uint8Array()), []);
    else if (entry.kind === "link") {
      const target = Buffer.from(entry.target);
      await zip.add(plain(entry.name, LINK_MODE, target), [target]);
    } else await addFile(zip, entry, options);
  }
  await zip.end();
}

function plain(name: string, mode: number, content: Uint8Array): ZipEntryFacts {
  const { length } = content;
  return { name, mode, method: ZIP_STORED, crc32: crc32(content), bytes: length, compressedBytes: length };
}

async function addFile(
  zip: ZipWriter,
  entry: PackedEntry & { readonly kind: "file" },
  { deflate, signal, onPacked }: ZipFileOptions,
): Promise<void> {
  const { name, bytes } = entry;
  const packed = await packFile(entry, { deflate, blockBytes: RUN_BYTES, signal });
  const facts = { name, bytes, crc32: packed.crc32, mode: entry.isExecutable ? EXECUTABLE_MODE : FILE_MODE };
  const compressedBytes = packed.compressedBytes + DEFLATE_END.length;
  // A picture or an archive inside the app grows when it is deflated.
  const isStored = compressedBytes >= bytes;
  if (isStored) {
    await zip.add({ ...facts, method: ZIP_STORED, compressedBytes: bytes }, readAgain(entry, packed.crc32));
  } else {
    await zip.add({ ...facts, method: ZIP_DEFLATED, compressedBytes }, deflated());
  }
  for (const { offset, bytes: raw, run } of packed.pieces) {
    const isLast = offset + raw === bytes;
    const length = isStored ? raw : run.length + (isLast ? DEFLATE_END.length : 0);
    onPacked?.({ name, offset, bytes: raw, compressedBytes: length });
  }

  async function* deflated(): AsyncGenerator<Uint8Array> {
    for (const { run } of packed.pieces) yield* run.read();
    yield DEFLATE_END;
  }
}
