/**
 * Opens a compressed disk image (UDIF, `.dmg`), ours or anybody's: trailer,
 * property list, block tables, and the sectors behind them. After 7-Zip's
 * and QEMU's readers. The bytes are untrusted: every length is bounded, a run
 * unpacks to exactly what its table says, nothing is held but one run.
 */
import { crc32, inflateSync } from "node:zlib";
import { ErthError } from "../../runtime/base/errors.ts";
import { boundedView } from "./bounded-view.ts";
import type { ByteRange } from "./byte-range.ts";
import { parsePlist, type ParsedPlist } from "./plist-parse.ts";

import { decodeXz } from "./xz-decode.ts";

export interface UdifPartition {
  /** `whole disk (Apple_HFS : 0)` */
  readonly name: string;
  /** Where its sectors are in the image, in bytes. */
  readonly offset: number;
  readonly bytes: number;
}

export interface OpenUdif {
  readonly partitions: readonly UdifPartition[];
  /** The image's sectors. */
  readonly sectors: ByteRange;
  /** Types of the other resources: `LPic`, `STR#`. */
  readonly resourceTypes: readonly string[];
  /** What is not as the image's own checksums have it, one line each. Unpacks everything. */
  faults(): Promise<readonly string[]>;
}

const KOLY = 0x6b6f6c79;
const MISH = 0x6d697368;
const KOLY_BYTES = 512;
const MISH_HEADER_BYTES = 204;
const RUN_BYTES = 40;
const SECTOR = 512;
const CHUNK_BYTES = 1 << 20;
const MAX_PLIST_BYTES = 64 << 20;
/** A thousand times an app. */
const MAX_IMAGE_BYTES = 2 ** 37;
/** Four times what any writer makes. */
const MAX_RUN_BYTES = 128 << 20;
const CRC32 = 2;

type Method = "zero" | "raw" | "zlib" | "lzma";
const METHODS: Readonly<Record<number, Method | "comment" | "end">> = {
  0x0000_0000: "zero",
  0x0000_0001: "raw",
  0x0000_0002: "zero",
  0x8000_0005: "zlib",
  0x8000_0008: "lzma",
  0x7fff_fffe: "comment",
  0xffff_ffff: "end",
};

interface Table {
  readonly partition: UdifPartition;
  readonly runs: readonly Run[];
  /** Of what its runs unpack to, but for those that only fill with zeros; undefined where there is none, or another kind. */
  readonly crc32: number | undefined;
}

interface Run {
  readonly method: Method;
  readonly offset: number;
  readonly bytes: number;
  readonly storedOffset: number;
  readonly storedBytes: number;
}

/** Reads everything but the sectors. Throws `DMG_DAMAGED`, also for a method of compression that is not read here. */
export async function openUdif(file: ByteRange): Promise<OpenUdif> {
  // 1. The trailer.
  if (file.size < KOLY_BYTES) throw damaged(`it has ${file.size} bytes, fewer than its trailer`);
  const koly = boundedView(await file.read(file.size - KOLY_BYTES, KOLY_BYTES), "big", damaged);
  const what = "its trailer";
  if (koly.u32(0, what) !== KOLY || koly.u32(4, what) !== 4 || koly.u32(8, what) !== KOLY_BYTES) {
    throw damaged('it does not end in a trailer "koly" of version 4');
  }
  const dataOffset = koly.u64(24, what);
  const dataBytes = koly.u64(32, what);
  const plistOffset = koly.u64(216, what);
  const plistBytes = koly.u64(224, what);
  const end = file.size - KOLY_BYTES;
  if (dataOffset + dataBytes > end || plistOffset + plistBytes > end || plistBytes > MAX_PLIST_BYTES) {
    throw damaged(`its data (${dataBytes} bytes) or property list (${plistBytes} bytes) lies outside it`);
  }

  // 2. The property list, and a table for each partition.
  const resources = resourcesOf(parsePlist(await file.read(plistOffset, plistBytes), "of the disk image"));
  const tables = (resources.get("blkx") ?? []).map(({ name, data }) => readTable(name, data, dataOffset, dataBytes));
  const runs = tables.flatMap((table) => table.runs).sort((one, other) => one.offset - other.offset);
  let size = 0;
  for (const run of runs) {
    if (run.offset < size) throw damaged(`two of its runs hold sector ${run.offset / SECTOR}`);
    size = run.offset + run.bytes;
  }
  for (const { partition } of tables) size = Math.max(size, partition.offset + partition.bytes);
  if (size > MAX_IMAGE_BYTES)
    throw damaged(`it unpacks to ${size} bytes, and no more than ${MAX_IMAGE_BYTES} are read`);
  return {
    partitions: tables.map(({ partition }) => partition),
    sectors: sectorsOf(file, runs, size),
    resourceTypes: [...resources.keys()].filter((type) => type !== "blkx"),
    async faults() {
      const faults: string[] = [];
      const compare = (what: string, found: number, wanted: number | undefined): void => {
        if (wanted === undefined || found === wanted) return;
        faults.push(`${what} has CRC-32 ${found.toString(16)}, expected ${wanted.toString(16)}`);
      };
      let found = 0;
      for (let at = 0; at < dataBytes; at += CHUNK_BYTES) {
        found = crc32(await file.read(dataOffset + at, Math.min(CHUNK_BYTES, dataBytes - at)), found);
      }
      compare("its data fork", found, checksum(koly.bytes(80, 136, what)));
      for (const table of tables) {
        found = 0;
        for (const run of table.runs) if (run.method !== "zero") found = crc32(await unpack(file, run), found);
        compare(table.partition.name, found, table.crc32);
      }
      return faults;
    },
  };
}

/** The partition that holds the HFS Plus volume; the only one where there is one. Throws `DMG_DAMAGED`. */
export function hfsPartition({ partitions }: OpenUdif): UdifPartition {
  const found = partitions.find(({ name }) => name.includes("Apple_HFS")) ?? partitions[0];
  if (found && (partitions.length === 1 || found.name.includes("Apple_HFS"))) return found;
  throw damaged(`none of its ${partitions.length} partitions is an HFS Plus volume`);
}

interface Resource {
  readonly name: string;
  readonly data: Uint8Array;
}

function resourcesOf(plist: ParsedPlist): ReadonlyMap<string, readonly Resource[]> {
  const fork = plist instanceof Map ? (plist.get("resource-fork") as ParsedPlist | undefined) : undefined;
  if (!(fork instanceof Map)) throw damaged("its property list has no resource-fork");
  const resources = new Map<string, readonly Resource[]>();
  // `instanceof` alone does not say what a map holds.
  for (const [type, list] of fork as ReadonlyMap<string, ParsedPlist>) {
    if (!Array.isArray(list)) throw damaged(`its resources ${type} are no list`);
    resources.set(
      type,
      (list as readonly ParsedPlist[]).map((item) => resourceOf(type, item)),
    );
  }
  return resources;
}

function resourceOf(type: string, item: ParsedPlist): Resource {
  const entries = item instanceof Map ? (item as ReadonlyMap<string, ParsedPlist>) : undefined;
  const data = entries?.get("Data");
  const name = entries?.get("Name") ?? "";
  if (!(data instanceof Uint8Array) || typeof name !== "string") throw damaged(`a resource ${type} has no data`);
  return { name, data };
}

/** One `mish`. */
function readTable(name: string, table: Uint8Array, dataOffset: number, dataBytes: number): Table {
  const what = `the block table of ${JSON.stringify(name)}`;
  const mish = boundedView(table, "big", damaged);
  if (mish.u32(0, what) !== MISH) throw damaged(`${what} is none`);
  const firstSector = mish.u64(8, what);
  const sectors = mish.u64(16, what);
  const base = mish.u64(24, what);
  const count = mish.u32(200, what);
  const runs: Run[] = [];
  let next = 0;
  for (let number = 0; number < count; number += 1) {
    const at = MISH_HEADER_BYTES + number * RUN_BYTES;
    const code = mish.u32(at, what);
    const method = METHODS[code];
    if (method === "end") break;
    if (method === "comment") continue;
    if (method === undefined)
      throw damaged(`it is compressed by a method (0x${code.toString(16)}) that is not read here`);
    const [sector, length, stored, storedBytes] = [8, 16, 24, 32].map((field) => mish.u64(at + field, what)) as [
      number,
      number,
      number,
      number,
    ];
    const isOutside = sector < next || sector + length > sectors || base + stored + storedBytes > dataBytes;
    const isTooLong = method !== "zero" && (length * SECTOR > MAX_RUN_BYTES || storedBytes > 2 * MAX_RUN_BYTES);
    if (length === 0 || isOutside || isTooLong) throw damaged(`run ${number} of ${JSON.stringify(name)} cannot be`);
    runs.push({
      method,
      offset: (firstSector + sector) * SECTOR,
      bytes: length * SECTOR,
      storedOffset: dataOffset + base + stored,
      storedBytes,
    });
    next = sector + length;
  }
  const partition = { name, offset: firstSector * SECTOR, bytes: sectors * SECTOR };
  return { partition, runs, crc32: checksum(mish.bytes(64, 136, what)) };
}

/** A checksum field of 136 bytes. */
function checksum(field: Uint8Array): number | undefined {
  const view = new DataView(field.buffer, field.byteOffset, field.length);
  return view.getUint32(0) === CRC32 && view.getUint32(4) === 32 ? view.getUint32(8) : undefined;
}

/** Sectors that no run holds are zero. */
function sectorsOf(file: ByteRange, runs: readonly Run[], size: number): ByteRange {
  let last: { readonly run: Run; readonly bytes: Uint8Array } | undefined;
  const unpacked = async (run: Run): Promise<Uint8Array> => {
    if (last?.run !== run) last = { run, bytes: await unpack(file, run) };
    return last.bytes;
  };
  return {
    size,
    async read(offset, length, into) {
      if (offset < 0 || offset + length > size) throw new RangeError(`${length} bytes at ${offset} of ${size}`);
      const result = into?.subarray(0, length).fill(0) ?? new Uint8Array(length);
      for (let at = firstRunBehind(runs, offset); at < runs.length; at += 1) {
        const run = runs[at];
        if (run === undefined || run.offset >= offset + length) break;
        if (run.method === "zero") continue;
        const bytes = await unpacked(run);
        const from = Math.max(offset, run.offset);
        const to = Math.min(offset + length, run.offset + run.bytes);
        result.set(bytes.subarray(from - run.offset, to - run.offset), from - offset);
      }
      return result;
    },
  };
}

/** Index of the first run that ends behind an offset. */
function firstRunBehind(runs: readonly Run[], offset: number): number {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const run = runs[middle];
    if (run && run.offset + run.bytes > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}

async function unpack(file: ByteRange, run: Run): Promise<Uint8Array> {
  const stored = await file.read(run.storedOffset, run.storedBytes);
  const bytes = run.method === "raw" ? stored : await inflate(stored, run);
  if (bytes?.length !== run.bytes) throw damaged(`the run at byte ${run.offset} cannot be unpacked`);
  return bytes;
}

async function inflate(stored: Uint8Array, { method, bytes }: Run): Promise<Uint8Array | undefined> {
  if (method === "lzma") return decodeXz(stored, bytes);
  try {
    return inflateSync(stored, { maxOutputLength: bytes });
  } catch {
    // Whatever zlib has against it, the run is damaged, and the caller says so.
    return undefined;
  }
}

function damaged(what: string): ErthError {
  return new ErthError({
    code: "DMG_DAMAGED",
    message: `The disk image is damaged: ${what}.`,
    remedy: "make it again: erth package --format dmg",
  });
}
