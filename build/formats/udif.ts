/**
 * The end of a compressed disk image (UDIF, `.dmg`): the block table of its one
 * partition in a property list, and the trailer. As `hdiutil` writes them for
 * an image without a partition map; the structures are documented by the
 * readers of 7-Zip, QEMU and libdmg-hfsplus. Big endian.
 *
 *   data fork   runs of the volume, each compressed on its own
 *   plist       resources: `blkx` with the block table (`mish`), a licence
 *   koly        512 bytes
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { renderPlist, type PlistValue } from "./plist.ts";

export const SECTOR_BYTES = 512;
/** 8 MiB: the longest run whose unpacking on a Mac has been measured. */
export const MAX_RUN_BYTES = 8 << 20;

/** How a run lies in the data fork. UDZO has zlib and raw runs, ULMO LZMA and raw ones. */
export type RunMethod = "raw" | "zlib" | "lzma";

export interface UdifRun {
  readonly method: RunMethod;
  readonly sectors: number;
  /** In the data fork. */
  readonly storedBytes: number;
}

/** One resource of a classic resource fork; the property list takes its place. */
export interface UdifResource {
  /** `LPic`, `STR#`, `RTF ` */
  readonly type: string;
  readonly id: number;
  readonly name: string;
  readonly data: Uint8Array;
}

export interface UdifImage {
  /** The whole volume in order, and the whole data fork in the same order. */
  readonly runs: readonly UdifRun[];
  /** Of the volume's bytes. */
  readonly rawCrc32: number;
  /** Of the data fork. */
  readonly dataCrc32: number;
  readonly resources: readonly UdifResource[];
}

const KOLY_BYTES = 512;
const KOLY_VERSION = 4;
const FLATTENED = 1;
/** The image is a volume, not a device with partitions. */
const PARTITION_IMAGE = 2;
const MISH_HEADER_BYTES = 204;
const RUN_BYTES = 40;
const METHOD_NUMBER: Readonly<Record<RunMethod, number>> = { raw: 1, zlib: 0x8000_0005, lzma: 0x8000_0008 };
const TERMINATOR = 0xffff_ffff;
const WHOLE_DISK = 0xffff_fffe;
const CHECKSUM_CRC32 = 2;
const BLKX_ATTRIBUTES = "0x0050";
const PARTITION_NAME = "whole disk (Apple_HFS : 0)";

/** Everything behind the data fork. */
export function encodeUdifEnd(image: UdifImage): Buffer {
  const { runs, rawCrc32, dataCrc32, resources } = image;
  const dataBytes = runs.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
  const sectors = runs.reduce((sum, run) => sum + run.sectors, 0);
  const blkx: UdifResource = { type: "blkx", id: 0, name: PARTITION_NAME, data: encodeMish(runs, sectors, rawCrc32) };
  const plist = Buffer.from(renderResources([blkx, ...resources]));

  const koly = Buffer.alloc(KOLY_BYTES);
  koly.write("koly", 0, "latin1");
  koly.writeUInt32BE(KOLY_VERSION, 4);
  koly.writeUInt32BE(KOLY_BYTES, 8);
  koly.writeUInt32BE(FLATTENED, 12);
  koly.writeBigUInt64BE(BigInt(dataBytes), 32);
  // Segment 1 of 1; its identifier tells images apart, and the same image has the same.
  koly.writeUInt32BE(1, 56);
  koly.writeUInt32BE(1, 60);
  createHash("sha256").update(plist).digest().copy(koly, 64, 0, 16);
  writeChecksum(koly, 80, dataCrc32);
  koly.writeBigUInt64BE(BigInt(dataBytes), 216);
  koly.writeBigUInt64BE(BigInt(plist.length), 224);
  // Over the checksums of all partitions, of which there is one.
  const partitionChecksum = Buffer.alloc(4);
  partitionChecksum.writeUInt32BE(rawCrc32);
  writeChecksum(koly, 352, crc32(partitionChecksum));
  koly.writeUInt32BE(PARTITION_IMAGE, 488);
  koly.writeBigUInt64BE(BigInt(sectors), 492);
  return Buffer.concat([plist, koly]);
}

/** The block table: what each run of sectors is made from. */
function encodeMish(runs: readonly UdifRun[], sectors: number, rawCrc32: number): Buffer {
  const table = Buffer.alloc(MISH_HEADER_BYTES + (runs.length + 1) * RUN_BYTES);
  table.write("mish", 0, "latin1");
  table.writeUInt32BE(1, 4);
  table.writeBigUInt64BE(BigInt(sectors), 16);
  // How many sectors a reader needs room for, with the spare ones that hdiutil asks for.
  table.writeUInt32BE(Math.max(...runs.map((run) => run.sectors)) + 8, 32);
  table.writeUInt32BE(WHOLE_DISK, 36);
  writeChecksum(table, 64, rawCrc32);
  table.writeUInt32BE(runs.length + 1, 200);
  let sector = 0;
  let stored = 0;
  let at = MISH_HEADER_BYTES;
  const add = (method: number, count: number, storedBytes: number): void => {
    table.writeUInt32BE(method, at);
    table.writeBigUInt64BE(BigInt(sector), at + 8);
    table.writeBigUInt64BE(BigInt(count), at + 16);
    table.writeBigUInt64BE(BigInt(stored), at + 24);
    table.writeBigUInt64BE(BigInt(storedBytes), at + 32);
    sector += count;
    stored += storedBytes;
    at += RUN_BYTES;
  };
  for (const run of runs) add(METHOD_NUMBER[run.method], run.sectors, run.storedBytes);
  add(TERMINATOR, 0, 0);
  return table;
}

/** Type, bits, value: 136 bytes. */
function writeChecksum(target: Buffer, at: number, value: number): void {
  target.writeUInt32BE(CHECKSUM_CRC32, at);
  target.writeUInt32BE(32, at + 4);
  target.writeUInt32BE(value, at + 8);
}

/** The resource fork as a property list. */
function renderResources(resources: readonly UdifResource[]): string {
  const types = Map.groupBy(resources, ({ type }) => type);
  const lists = Array.from(types, ([type, members]): [string, PlistValue] => [
    type,
    members.map(({ id, name, data }) => ({
      Attributes: type === "blkx" ? BLKX_ATTRIBUTES : "0x0000",
      ...(type === "blkx" ? { CFName: name } : {}),
      Data: data,
      ID: String(id),
      Name: name,
    })),
  ]);
  return renderPlist({ "resource-fork": Object.fromEntries(lists) });
}
