/**
 * Reads compound files (`.msi`): storages and streams, kept in chains of
 * sectors as a FAT file system keeps folders and files. Follows [MS-CFB] 9.0,
 * with either size of sector. What contradicts itself is refused.
 */
import type { ByteRange } from "./byte-range.ts";
import {
  COMPOUND_MAGIC,
  type CompoundEntry,
  compoundDamaged,
  NO_STREAM,
  parseCompoundHeader,
  parseDirectory,
  type StoredEntry,
} from "./compound-directory.ts";
import { FREE_SECTOR, fileSectors, miniSectors, readFat, readRuns, readWords, type Run } from "./compound-sectors.ts";

export type { CompoundEntry } from "./compound-directory.ts";

export interface CompoundFile {
  readonly root: CompoundEntry;
  /** 512 (version 3) or 4096 (version 4). */
  readonly sectorBytes: 512 | 4096;
  /** Where the last sector that belongs to something ends; the file may be longer. */
  readonly usedBytes: number;
  /** Sectors that are in use and belong to nothing. */
  readonly lostSectors: number;
  /** A stream's content, in pieces of at most 1 MiB. */
  pieces(stream: CompoundEntry): AsyncGenerator<Uint8Array>;
}

const HEADER_BYTES = 512;
const MAX_DIRECTORY_BYTES = 16 << 20;
const MAX_DEPTH = 32;
const PIECE_BYTES = 1 << 20;

/** Whether these first bytes begin a compound file. */
export function isCompoundFile(head: Uint8Array): boolean {
  return Buffer.compare(head.subarray(0, COMPOUND_MAGIC.length), COMPOUND_MAGIC) === 0;
}

/** Reads everything but the content of streams. Throws `COMPOUND_DAMAGED`. */
export async function readCompoundFile(range: ByteRange): Promise<CompoundFile> {
  const head = await range.read(0, Math.min(HEADER_BYTES, range.size));
  const header = parseCompoundHeader(head);
  const { sectorBytes, miniCutoff } = header;
  const sectors = fileSectors(range, header);
  const fat = await readFat(range, head, header, sectors);
  const wholeChain = (first: number, what: string): readonly Run[] => {
    const chain = sectors.chain(fat, first, what);
    return sectors.runs(chain, chain.length * sectorBytes, what);
  };

  // 2.6: the directory.
  const directoryRuns = wholeChain(header.firstDirectorySector, "its directory");
  const directoryBytes = directoryRuns.reduce((sum, { length }) => sum + length, 0);
  if (directoryBytes > MAX_DIRECTORY_BYTES) throw compoundDamaged(`its directory has ${directoryBytes} bytes`);
  const stored = parseDirectory(await readRuns(range, directoryRuns), header);
  const { root, places } = treeOf(stored);

  // 2.4 and 2.6.2: small streams share the root's own.
  const { size: miniBytes, firstSector } = places.get(root) ?? { size: 0, firstSector: 0 };
  const miniChain = miniBytes === 0 ? new Uint32Array() : sectors.chain(fat, firstSector, "its mini stream");
  sectors.runs(miniChain, miniBytes, "its mini stream");
  const small = miniSectors(miniChain, miniBytes, header);
  const miniFat = await readWords(range, wholeChain(header.firstMiniFatSector, "its mini FAT"));

  const content = new Map<CompoundEntry, readonly Run[]>();
  for (const [entry, place] of places) {
    if (entry.bytes === 0) continue;
    const what = `its stream ${JSON.stringify(entry.name)}`;
    const [owner, table] = entry.bytes < miniCutoff ? [small, miniFat] : [sectors, fat];
    content.set(entry, owner.runs(owner.chain(table, place.firstSector, what), entry.bytes, what));
  }
  const isLost = (isOwned: number, sector: number): boolean => isOwned === 0 && fat[sector] !== FREE_SECTOR;
  return {
    root,
    sectorBytes,
    usedBytes: Math.min(range.size, (sectors.owned.lastIndexOf(1) + 2) * sectorBytes),
    lostSectors: sectors.owned.filter((isOwned, sector) => sector < fat.length && isLost(isOwned, sector)).length,
    async *pieces(stream) {
      for (const { offset, length } of content.get(stream) ?? []) {
        for (let at = 0; at < length; at += PIECE_BYTES) {
          yield await range.read(offset + at, Math.min(PIECE_BYTES, length - at));
        }
      }
    },
  };
}

/** A stream's whole content. Throws `COMPOUND_DAMAGED` for one of more than `maxBytes`. */
export async function readStream(file: CompoundFile, stream: CompoundEntry, maxBytes: number): Promise<Uint8Array> {
  if (stream.bytes > maxBytes)
    throw compoundDamaged(`its stream ${JSON.stringify(stream.name)} has ${stream.bytes} bytes`);
  const pieces: Uint8Array[] = [];
  for await (const piece of file.pieces(stream)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** 2.6.4: siblings form a binary tree, walked here in its order. An entry that is met twice is a loop. */
function treeOf(stored: readonly (StoredEntry | undefined)[]) {
  const places = new Map<CompoundEntry, StoredEntry>();
  const met = new Set<number>();
  const entryAt = (index: number): StoredEntry => {
    const entry = stored[index];
    if (entry === undefined || entry.kind === "root")
      throw compoundDamaged(`its directory leads to entry ${index}, where there is none`);
    return entry;
  };
  const childrenOf = (first: number, depth: number): readonly CompoundEntry[] => {
    if (depth > MAX_DEPTH) throw compoundDamaged(`its storages are nested more than ${MAX_DEPTH} deep`);
    const children: CompoundEntry[] = [];
    const waiting: StoredEntry[] = [];
    let at = first;
    for (;;) {
      if (at !== NO_STREAM) {
        if (met.has(at)) throw compoundDamaged(`its directory leads to entry ${at} twice`);
        met.add(at);
        const entry = entryAt(at);
        waiting.push(entry);
        at = entry.left;
        continue;
      }
      const entry = waiting.pop();
      if (entry === undefined) return children;
      children.push(finished(entry, depth));
      at = entry.right;
    }
  };
  const finished = (entry: StoredEntry, depth: number): CompoundEntry => {
    const { kind, name, nameBytes, classId, stateBits, createdAt, modifiedAt } = entry;
    const isStream = kind === "stream";
    const one: CompoundEntry = {
      kind,
      name,
      nameBytes,
      classId,
      stateBits,
      createdAt,
      modifiedAt,
      bytes: isStream ? entry.size : 0,
      children: isStream ? [] : childrenOf(entry.child, depth + 1),
    };
    places.set(one, entry);
    return one;
  };
  const [first] = stored;
  if (first?.kind !== "root") throw compoundDamaged("its directory does not begin with the root");
  return { root: finished(first, 0), places };
}
