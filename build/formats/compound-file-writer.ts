/**
 * Writes compound files front to back: the sizes of all streams are known, so
 * the place of everything is too, before the first byte. [MS-CFB] 9.0. Order:
 * header, streams, mini stream, mini FAT, directory, FAT, DIFAT.
 */
import { ErthError } from "../../runtime/base/errors.ts";
import { COMPOUND_MAGIC, type CompoundEntry, DIRECTORY_ENTRY_BYTES, NO_STREAM } from "./compound-directory.ts";
import { END_OF_CHAIN, FREE_SECTOR, MINI_SECTOR_BYTES } from "./compound-sectors.ts";

const FAT_SECTOR = 0xfffffffd;
const DIFAT_SECTOR = 0xfffffffc;
const HEADER_DIFAT_COUNT = 109;
const MINI_CUTOFF = 4096;
/** 2.7: beyond it a file needs a range lock sector, and Windows Installer takes none that big. */
const MAX_FILE_BYTES = 0x7fff_0000;
const RED = 0;
const BLACK = 1;
const TYPES = { storage: 1, stream: 2, root: 5 } as const;

export interface CompoundTarget {
  readonly sectorBytes: 512 | 4096;
  /** Exactly `bytes` bytes of a stream. */
  readonly content: (stream: CompoundEntry) => AsyncIterable<Uint8Array>;
  /** Takes the file's next bytes. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
}

/** Writes a file of this tree; siblings may come in any order. Throws `COMPOUND_LIMIT` for one of 2 GiB and more. */
export async function writeCompoundFile(root: CompoundEntry, target: CompoundTarget): Promise<void> {
  const { sectorBytes } = target;
  const entries = numbered(root);
  const streams = entries.map(({ entry }) => entry).filter(({ kind, bytes }) => kind === "stream" && bytes > 0);
  const big = streams.filter(({ bytes }) => bytes >= MINI_CUTOFF);
  const small = streams.filter(({ bytes }) => bytes < MINI_CUTOFF);

  // 1. Chains: each part takes the next sectors, in the order of the file.
  const fat = chainBuilder();
  const firstSectors = new Map<CompoundEntry, number>();
  const place = (bytes: number): number => fat.append(Math.ceil(bytes / sectorBytes));
  for (const stream of big) firstSectors.set(stream, place(stream.bytes));
  const miniFat = chainBuilder();
  for (const stream of small) firstSectors.set(stream, miniFat.append(Math.ceil(stream.bytes / MINI_SECTOR_BYTES)));
  const miniBytes = miniFat.next.length * MINI_SECTOR_BYTES;
  firstSectors.set(root, place(miniBytes));
  const miniFatStart = place(miniFat.next.length * 4);
  const miniFatSectors = Math.ceil((miniFat.next.length * 4) / sectorBytes);
  const directoryBytes = entries.length * DIRECTORY_ENTRY_BYTES;
  const directoryStart = place(directoryBytes);
  const { fatSectors, difatSectors } = fatSize(fat.next.length, sectorBytes);
  const fatStart = fat.next.length;
  fat.next.push(...Array.from({ length: fatSectors }, () => FAT_SECTOR));
  fat.next.push(...Array.from({ length: difatSectors }, () => DIFAT_SECTOR));
  requireSize((fat.next.length + 1) * sectorBytes);

  // 2. Header, then everything in the order in which it was placed.
  const { write } = target;
  const difat = Array.from({ length: fatSectors }, (_, index) => fatStart + index);
  const header = new Uint8Array(sectorBytes);
  header.set(COMPOUND_MAGIC);
  const view = new DataView(header.buffer);
  const isLarge = sectorBytes === 4096;
  for (const [at, value] of [
    [24, 0x3e],
    [26, isLarge ? 4 : 3],
    [28, 0xfffe],
    [30, isLarge ? 12 : 9],
    [32, 6],
  ] as const) {
    view.setUint16(at, value, true);
  }
  for (const [at, value] of [
    [40, isLarge ? Math.ceil(directoryBytes / sectorBytes) : 0],
    [44, fatSectors],
    [48, directoryStart],
    [56, MINI_CUTOFF],
    [60, miniFatStart],
    [64, miniFatSectors],
    [68, difatSectors === 0 ? END_OF_CHAIN : fatStart + fatSectors],
    [72, difatSectors],
  ] as const) {
    view.setUint32(at, value, true);
  }
  for (let index = 0; index < HEADER_DIFAT_COUNT; index += 1) {
    view.setUint32(76 + index * 4, difat[index] ?? FREE_SECTOR, true);
  }
  await write(header);
  for (const stream of big) await writePadded(target, stream, sectorBytes);
  for (const stream of small) await writePadded(target, stream, MINI_SECTOR_BYTES);
  await write(new Uint8Array(paddingOf(miniBytes, sectorBytes)));
  await write(encodeWords(miniFat.next, sectorBytes));
  await write(encodeDirectory(entries, firstSectors, miniBytes, sectorBytes));
  await write(encodeWords(fat.next, sectorBytes));
  await write(encodeDifat(difat.slice(HEADER_DIFAT_COUNT), fatStart + fatSectors, sectorBytes));
}

/** A FAT under way: what follows each sector. */
function chainBuilder() {
  const next: number[] = [];
  return {
    next,
    /** Appends a chain of so many sectors; its first one. */
    append(count: number): number {
      const first = next.length;
      for (let index = 1; index <= count; index += 1) next.push(index === count ? END_OF_CHAIN : first + index);
      return count === 0 ? END_OF_CHAIN : first;
    },
  };
}

/** The FAT covers itself and the DIFAT, which lists those of its sectors that the header cannot. */
function fatSize(otherSectors: number, sectorBytes: number): { fatSectors: number; difatSectors: number } {
  const perSector = sectorBytes / 4;
  for (let fatSectors = 1; ; fatSectors += 1) {
    const difatSectors = Math.max(0, Math.ceil((fatSectors - HEADER_DIFAT_COUNT) / (perSector - 1)));
    if (fatSectors * perSector >= otherSectors + fatSectors + difatSectors) return { fatSectors, difatSectors };
  }
}

interface NumberedEntry {
  readonly entry: CompoundEntry;
  readonly color: number;
  readonly left: number;
  readonly right: number;
  child: number;
}

/** The directory's entries by their numbers: the root, and after each storage's siblings what is in it. */
function numbered(root: CompoundEntry): readonly NumberedEntry[] {
  const entries: NumberedEntry[] = [{ entry: root, color: BLACK, left: NO_STREAM, right: NO_STREAM, child: NO_STREAM }];
  // The list grows while it is walked, until every storage has had its turn.
  for (const parent of entries) {
    const sorted = [...parent.entry.children].sort(compareSiblings);
    const first = entries.length;
    // A tree that splits in the middle is full but for its last level: red there, it is a red-black tree.
    const fullLevels = Math.floor(Math.log2(sorted.length + 1));
    const built: NumberedEntry[] = [];
    const build = (from: number, to: number, depth: number): number => {
      if (from >= to) return NO_STREAM;
      const middle = (from + to) >> 1;
      const entry = sorted[middle];
      if (entry === undefined) throw new RangeError(`no sibling ${middle}`);
      built[middle] = {
        entry,
        color: depth >= fullLevels ? RED : BLACK,
        left: build(from, middle, depth + 1),
        right: build(middle + 1, to, depth + 1),
        child: NO_STREAM,
      };
      return first + middle;
    };
    parent.child = build(0, sorted.length, 0);
    entries.push(...built);
  }
  return entries;
}

/** 2.6.4: shorter names come first, then by upper-case UTF-16. */
function compareSiblings(a: CompoundEntry, b: CompoundEntry): number {
  if (a.name.length !== b.name.length) return a.name.length - b.name.length;
  const [left, right] = [upperCase(a.name), upperCase(b.name)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Letter by letter: a "ß" stays one. */
function upperCase(name: string): string {
  return Array.from({ length: name.length }, (_, at) => {
    const upper = name.charAt(at).toUpperCase();
    return upper.length === 1 ? upper : name.charAt(at);
  }).join("");
}

async function writePadded({ content, write }: CompoundTarget, stream: CompoundEntry, unitBytes: number) {
  let written = 0;
  for await (const piece of content(stream)) {
    written += piece.length;
    await write(piece);
  }
  if (written !== stream.bytes) throw new Error(`the stream ${stream.name} has ${written} bytes, not ${stream.bytes}`);
  await write(new Uint8Array(paddingOf(written, unitBytes)));
}

function encodeDirectory(
  entries: readonly NumberedEntry[],
  firstSectors: ReadonlyMap<CompoundEntry, number>,
  miniBytes: number,
  sectorBytes: number,
): Uint8Array {
  const length = entries.length * DIRECTORY_ENTRY_BYTES;
  const bytes = new Uint8Array(length + paddingOf(length, sectorBytes));
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += DIRECTORY_ENTRY_BYTES) {
    const numberedEntry = entries[at / DIRECTORY_ENTRY_BYTES];
    if (numberedEntry === undefined) {
      for (const link of [68, 72, 76]) view.setUint32(at + link, NO_STREAM, true);
      continue;
    }
    const { entry, color, left, right, child } = numberedEntry;
    bytes.set(entry.nameBytes, at);
    view.setUint16(at + 64, entry.nameBytes.length + 2, true);
    view.setUint8(at + 66, TYPES[entry.kind]);
    view.setUint8(at + 67, color);
    view.setUint32(at + 68, left, true);
    view.setUint32(at + 72, right, true);
    view.setUint32(at + 76, child, true);
    bytes.set(entry.classId, at + 80);
    bytes.set(entry.stateBits, at + 96);
    bytes.set(entry.createdAt, at + 100);
    bytes.set(entry.modifiedAt, at + 108);
    const isStorage = entry.kind === "storage";
    view.setUint32(at + 116, isStorage ? 0 : (firstSectors.get(entry) ?? END_OF_CHAIN), true);
    view.setUint32(at + 120, entry.kind === "root" ? miniBytes : entry.bytes, true);
  }
  return bytes;
}

function encodeWords(values: readonly number[], sectorBytes: number): Uint8Array {
  const length = values.length * 4;
  const bytes = new Uint8Array(length + paddingOf(length, sectorBytes)).fill(0xff);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value, true);
  return bytes;
}

/** 2.5: the last number of each sector names the next one. */
function encodeDifat(rest: readonly number[], firstSector: number, sectorBytes: number): Uint8Array {
  const perSector = sectorBytes / 4 - 1;
  const words: number[] = [];
  for (let at = 0; at < rest.length; at += perSector) {
    const part = rest.slice(at, at + perSector);
    words.push(...part, ...Array.from({ length: perSector - part.length }, () => FREE_SECTOR));
    words.push(at + perSector < rest.length ? firstSector + at / perSector + 1 : END_OF_CHAIN);
  }
  return encodeWords(words, sectorBytes);
}

function paddingOf(bytes: number, unitBytes: number): number {
  return (unitBytes - (bytes % unitBytes)) % unitBytes;
}

function requireSize(fileBytes: number): void {
  if (fileBytes <= MAX_FILE_BYTES) return;
  throw new ErthError({
    code: "COMPOUND_LIMIT",
    message: `The compound file would have ${fileBytes} bytes; ${MAX_FILE_BYTES} is the most it can have.`,
    remedy: "leave big files out of the installer, or keep its cabinet beside it, then: erth package",
  });
}
