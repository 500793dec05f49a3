/**
 * The Payload of a package and the Bom that lists it, in one pass over the
 * tree: gzip of cpio, in runs. Large files are runs of their own, so that they
 * can be kept; what lies between them goes together.
 */
import { type BomEntry } from "./bom.ts";
import { cksum, cksumOf } from "./cksum.ts";
import { encodeCpioEnd, encodeCpioHeader } from "./cpio.ts";
import { type Deflate, type DeflateRun, RUN_BYTES, RUNS_AT_ONCE } from "./deflate-run.ts";
import { gzipWriter } from "./gzip-runs.ts";
import { inOrder } from "./in-order.ts";
import { readPieces } from "./packed-file.ts";
import type { Sink } from "./sink.ts";
import type { PackedEntry, PackedPart } from "./zip-file.ts";

export interface PayloadOptions {
  readonly deflate: Deflate;
  readonly signal: AbortSignal;
  /** Told what each part of a file came to; cpio's own bytes are in none of them. */
  readonly onPacked?: (packed: PackedPart) => void;
}

export interface Payload {
  /** The root first, then the entries in their order. */
  readonly bom: readonly BomEntry[];
}

/** 1980-01-01, as in the zips: one date for all. */
export const PKG_DATE = new Date("1980-01-01T00:00:00Z");
const MODIFIED_AT = PKG_DATE.getTime() / 1000;
const FOLDER_MODE = 0o040755;
/** What macOS gives every link. */
const LINK_MODE = 0o120755;
const FILE_MODE = 0o100644;
const EXECUTABLE_MODE = 0o100755;
/** APFS: links of an empty folder, and bytes for each link. */
const FOLDER_LINKS = 2;
const FOLDER_LINK_BYTES = 32;
const OWN_RUN_BYTES = 256 << 10;

/** Bytes of the archive with what they are of. */
interface Chunk {
  readonly raw: Uint8Array;
  readonly sources: readonly Omit<PackedPart, "compressedBytes">[];
}

/** Appends the Payload. Names of the entries are relative to where the package installs. Throws `CPIO_LIMIT` and `FILE_CHANGED`. */
export async function writePayload(
  sink: Sink,
  entries: readonly PackedEntry[],
  { deflate, signal, onPacked }: PayloadOptions,
): Promise<Payload> {
  const bom: BomEntry[] = [];
  const gzip = await gzipWriter(sink);
  async function* tasks(): AsyncGenerator<() => Promise<{ readonly run: DeflateRun; readonly chunk: Chunk }>> {
    for await (const chunk of gathered(archive(entries, bom))) {
      signal.throwIfAborted();
      gzip.count(chunk.raw);
      yield async () => ({ run: await deflate(chunk.raw, RUN_BYTES), chunk });
    }
  }
  for await (const { run, chunk } of inOrder(tasks(), RUNS_AT_ONCE)) {
    await gzip.add(run);
    for (const source of chunk.sources) {
      const share = Math.round((run.length * source.bytes) / chunk.raw.length);
      onPacked?.({ ...source, compressedBytes: share });
    }
  }
  await gzip.end();
  return { bom };
}

/** The cpio archive, in pieces, and the Bom's entries beside it. */
async function* archive(entries: readonly PackedEntry[], bom: BomEntry[]): AsyncGenerator<Chunk> {
  const children = childCounts(entries);
  let length = 0;
  let index = 0;
  const header = (entry: Omit<BomEntry, "checksum" | "link">, bytes: number): Chunk => {
    const linkCount = entry.kind === "folder" ? FOLDER_LINKS + (children.get(entry.path) ?? 0) : 1;
    const raw = encodeCpioHeader({ ...entry, linkCount, bytes }, index);
    index += 1;
    length += raw.length + bytes;
    return { raw, sources: [] };
  };
  for (const entry of [{ kind: "folder", name: "" } as const, ...entries]) {
    const path = entry.name === "" ? "." : `./${entry.name}`;
    const common = { path, modifiedAt: MODIFIED_AT };
    if (entry.kind === "folder") {
      const bytes = FOLDER_LINK_BYTES * (FOLDER_LINKS + (children.get(path) ?? 0));
      const facts = { ...common, kind: "folder", mode: FOLDER_MODE, bytes } as const;
      bom.push({ ...facts, checksum: 0 });
      yield header(facts, 0);
    } else if (entry.kind === "link") {
      const target = Buffer.from(entry.target);
      const facts = { ...common, kind: "link", mode: LINK_MODE, bytes: target.length } as const;
      bom.push({ ...facts, checksum: cksumOf(target), link: entry.target });
      yield header(facts, target.length);
      yield { raw: target, sources: [] };
    } else {
      const mode = entry.isExecutable ? EXECUTABLE_MODE : FILE_MODE;
      const facts = { ...common, kind: "file", mode, bytes: entry.bytes } as const;
      yield header(facts, entry.bytes);
      const checksum = cksum();
      for await (const { offset, raw } of readPieces(entry)) {
        checksum.update(raw);
        yield { raw, sources: [{ name: entry.name, offset, bytes: raw.length }] };
      }
      bom.push({ ...facts, checksum: checksum.value() });
    }
  }
  yield { raw: encodeCpioEnd(length, index), sources: [] };
}

/** How many entries each folder has, by its path in the archive. */
function childCounts(entries: readonly PackedEntry[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { name } of entries) {
    const cut = name.lastIndexOf("/");
    const folder = cut < 0 ? "." : `./${name.slice(0, cut)}`;
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return counts;
}

/** Small chunks put together, large ones alone. */
async function* gathered(chunks: AsyncIterable<Chunk>): AsyncGenerator<Chunk> {
  let held: Chunk[] = [];
  let bytes = 0;
  const together = (): Chunk => {
    const chunk = { raw: Buffer.concat(held.map(({ raw }) => raw)), sources: held.flatMap(({ sources }) => sources) };
    held = [];
    bytes = 0;
    return chunk;
  };
  for await (const chunk of chunks) {
    if (chunk.raw.length >= OWN_RUN_BYTES) {
      if (bytes > 0) yield together();
      yield chunk;
      continue;
    }
    if (bytes + chunk.raw.length > RUN_BYTES) yield together();
    held.push(chunk);
    bytes += chunk.raw.length;
  }
  if (bytes > 0) yield together();
}
