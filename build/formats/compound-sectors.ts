/**
 * Chains of sectors in a compound file: the table says of each sector which
 * one follows. [MS-CFB] 9.0, 2.1 to 2.5. No chain is endless, leaves the file
 * or runs into another one.
 */
import type { ByteRange } from "./byte-range.ts";
import { type CompoundHeader, compoundDamaged } from "./compound-directory.ts";

export const END_OF_CHAIN = 0xfffffffe;
export const FREE_SECTOR = 0xffffffff;
export const MINI_SECTOR_BYTES = 64;
const HEADER_DIFAT_AT = 76;
const HEADER_DIFAT_COUNT = 109;

/** Bytes that follow each other in the file. */
export interface Run {
  readonly offset: number;
  readonly length: number;
}

export interface Sectors {
  /** How many there are, in use or not. */
  readonly count: number;
  /** 1 for each that belongs to a chain which was read. */
  readonly owned: Uint8Array;
  /** Makes a sector part of something. Throws `COMPOUND_DAMAGED` for one that is not there, or taken. */
  claim(sector: number, what: string): void;
  /** The sectors of a chain, claimed. Throws `COMPOUND_DAMAGED`. */
  chain(table: Uint32Array, first: number, what: string): Uint32Array;
  /** Where the first `bytes` of these sectors lie; neighbours are joined. Throws `COMPOUND_DAMAGED`. */
  runs(chain: Uint32Array, bytes: number, what: string): readonly Run[];
}

/** 2.1: the sectors of the file, the first of which follows the header; the last one may be cut short. */
export function fileSectors(range: ByteRange, { sectorBytes }: CompoundHeader): Sectors {
  const count = Math.max(0, Math.ceil(range.size / sectorBytes) - 1);
  return sectorsOf(count, sectorBytes, (sector) => {
    const offset = (sector + 1) * sectorBytes;
    return { offset, length: Math.min(sectorBytes, range.size - offset) };
  });
}

/** 2.4: the small sectors, which lie in the root's stream, whose chain this is. */
export function miniSectors(chain: Uint32Array, bytes: number, { sectorBytes }: CompoundHeader): Sectors {
  return sectorsOf(Math.ceil(bytes / MINI_SECTOR_BYTES), MINI_SECTOR_BYTES, (mini) => {
    const at = mini * MINI_SECTOR_BYTES;
    const offset = ((chain[Math.floor(at / sectorBytes)] ?? 0) + 1) * sectorBytes + (at % sectorBytes);
    return { offset, length: Math.min(MINI_SECTOR_BYTES, bytes - at) };
  });
}

/** 2.3 and 2.5: the FAT lies in sectors that the header lists, and then sectors of their own. */
export async function readFat(
  range: ByteRange,
  head: Uint8Array,
  { sectorBytes, fatSectors, firstDifatSector, difatSectors }: CompoundHeader,
  sectors: Sectors,
): Promise<Uint32Array> {
  const read = async (sector: number, what: string): Promise<Uint32Array> => {
    sectors.claim(sector, what);
    return await readWords(range, sectors.runs(Uint32Array.of(sector), sectorBytes, what));
  };
  if (fatSectors > sectors.count) throw compoundDamaged(`its FAT has ${fatSectors} sectors of ${sectors.count}`);
  const places = Array.from(wordsOf(head.subarray(HEADER_DIFAT_AT, HEADER_DIFAT_AT + HEADER_DIFAT_COUNT * 4)));
  let next = firstDifatSector;
  for (let count = 0; count < difatSectors; count += 1) {
    const words = await read(next, "its DIFAT");
    places.push(...words.subarray(0, -1));
    next = words.at(-1) ?? END_OF_CHAIN;
  }
  const perSector = sectorBytes / 4;
  const fat = new Uint32Array(fatSectors * perSector);
  for (let index = 0; index < fatSectors; index += 1) {
    fat.set(await read(places[index] ?? FREE_SECTOR, "its FAT"), index * perSector);
  }
  return fat;
}

/** The numbers in these runs, little endian. */
export async function readWords(range: ByteRange, runs: readonly Run[]): Promise<Uint32Array> {
  return wordsOf(await readRuns(range, runs));
}

/** The bytes of these runs. */
export async function readRuns(range: ByteRange, runs: readonly Run[]): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (const { offset, length } of runs) pieces.push(await range.read(offset, length));
  return Buffer.concat(pieces);
}

function sectorsOf(count: number, unitBytes: number, place: (sector: number) => Run): Sectors {
  const owned = new Uint8Array(count);
  const claim = (sector: number, what: string): void => {
    if (sector >= count) throw compoundDamaged(`${what} leads to sector ${sector} of ${count}`);
    if (owned[sector] === 1) throw compoundDamaged(`${what} runs into sector ${sector}, which is taken`);
    owned[sector] = 1;
  };
  return {
    count,
    owned,
    claim,
    chain(table, first, what) {
      const found: number[] = [];
      for (let sector = first; sector !== END_OF_CHAIN; sector = table[sector] ?? FREE_SECTOR) {
        claim(sector, what);
        found.push(sector);
      }
      return Uint32Array.from(found);
    },
    runs(chain, bytes, what) {
      if (Math.ceil(bytes / unitBytes) !== chain.length)
        throw compoundDamaged(`${what} has ${bytes} bytes in ${chain.length} sectors of ${unitBytes}`);
      const runs: { readonly offset: number; length: number }[] = [];
      let left = bytes;
      for (const sector of chain) {
        const { offset, length } = place(sector);
        const wanted = Math.min(left, unitBytes);
        if (wanted > length) throw compoundDamaged(`${what} is cut off`);
        const last = runs.at(-1);
        if (last !== undefined && last.offset + last.length === offset) last.length += wanted;
        else runs.push({ offset, length: wanted });
        left -= wanted;
      }
      return runs;
    },
  };
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: bytes.length >> 2 }, (_, index) => view.getUint32(index * 4, true));
}
