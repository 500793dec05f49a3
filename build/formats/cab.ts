/**
 * Cabinets, as Windows Installer carries them: [MS-CAB], compressed by MSZIP
 * ([MS-MCI]). A folder is one run of bytes, whose blocks need no other folder:
 * it can be compressed once and kept. Dates are those of 1980, all alike.
 */
import { promisify } from "node:util";
import { deflateRaw } from "node:zlib";
import { ErthError } from "../../runtime/base/errors.ts";

/** A block holds as many raw bytes; the next one may refer to them. */
export const CAB_BLOCK_BYTES = 32_768;
const HEADER_BYTES = 36;
const FOLDER_BYTES = 8;
const FILE_BYTES = 16;
const DATA_HEADER_BYTES = 8;
const TYPE_MSZIP = 1;
const SIGNATURE = Buffer.from("MSCF");
const VERSION = 0x0103;
/** 1 January 1980. */
const DATE = 0x0021;
const MAX_CABINET_BYTES = 0x7fff_ffff;
const MAX_COUNT = 0xffff;
/** Blocks that are compressed side by side. */
const BLOCKS_AT_ONCE = 16;

const deflate = promisify(deflateRaw);

export interface CabFile {
  /** ASCII; Windows Installer's key of the file. */
  readonly name: string;
  readonly bytes: number;
  /** From the folder's first raw byte. */
  readonly offset: number;
}

export interface CabFolder {
  /** In the order of their offsets. */
  readonly files: readonly CabFile[];
  readonly blockCount: number;
  /** Of all blocks with their headers. */
  readonly bytes: number;
}

/** Compresses a folder's raw bytes to its blocks, each with its header. `level` is zlib's. */
export async function* encodeCabBlocks(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  level: number,
): AsyncGenerator<Uint8Array> {
  let before: Uint8Array | undefined;
  const running: Promise<Uint8Array>[] = [];
  for await (const block of blocksOf(source)) {
    running.push(encodeBlock(block, before, level));
    before = block;
    const oldest = running.length < BLOCKS_AT_ONCE ? undefined : running.shift();
    if (oldest) yield await oldest;
  }
  for (const block of running) yield await block;
}

async function* blocksOf(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let block = Buffer.alloc(CAB_BLOCK_BYTES);
  let filled = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length;) {
      const taken = Math.min(chunk.length - at, CAB_BLOCK_BYTES - filled);
      block.set(chunk.subarray(at, at + taken), filled);
      at += taken;
      filled += taken;
      if (filled < CAB_BLOCK_BYTES) continue;
      yield block;
      block = Buffer.alloc(CAB_BLOCK_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}

/** CFDATA: checksum, lengths, "CK" and a deflate stream of its own, over the block before it. */
async function encodeBlock(raw: Uint8Array, before: Uint8Array | undefined, level: number): Promise<Uint8Array> {
  const compressed = await deflate(raw, { level, memLevel: 9, ...(before && { dictionary: before }) });
  const block = Buffer.alloc(DATA_HEADER_BYTES + 2 + compressed.length);
  block.writeUInt16LE(2 + compressed.length, 4);
  block.writeUInt16LE(raw.length, 6);
  block.write("CK", DATA_HEADER_BYTES, "latin1");
  block.set(compressed, DATA_HEADER_BYTES + 2);
  block.writeUInt32LE((checksum(block.subarray(DATA_HEADER_BYTES)) ^ checksum(block.subarray(4, 8))) >>> 0, 0);
  return block;
}

/** [MS-CAB] 3.1: words are summed by XOR; the last one to three bytes count from the other end. */
function checksum(bytes: Buffer): number {
  const whole = bytes.length & ~3;
  let sum = 0;
  for (let at = 0; at < whole; at += 4) sum ^= bytes.readInt32LE(at);
  let rest = 0;
  for (const byte of bytes.subarray(whole)) rest = (rest << 8) | byte;
  return sum ^ rest;
}

/** Everything before the blocks, and the cabinet's whole length. The blocks follow in the order of the folders. Throws `CAB_LIMIT`. */
export function encodeCabHead(folders: readonly CabFolder[]): {
  readonly head: Uint8Array;
  readonly cabinetBytes: number;
} {
  const files = folders.flatMap((folder, number) => folder.files.map((file) => ({ ...file, folder: number })));
  const names = files.map(({ name }) => Buffer.from(`${name}\0`, "ascii"));
  const filesOffset = HEADER_BYTES + FOLDER_BYTES * folders.length;
  const dataOffset = filesOffset + names.reduce((sum, name) => sum + FILE_BYTES + name.length, 0);
  const cabinetBytes = dataOffset + folders.reduce((sum, { bytes }) => sum + bytes, 0);
  requireLimits(folders, files.length, cabinetBytes);

  const head = Buffer.alloc(dataOffset);
  head.set(SIGNATURE, 0);
  head.writeUInt32LE(cabinetBytes, 8);
  head.writeUInt32LE(filesOffset, 16);
  head.writeUInt16LE(VERSION, 24);
  head.writeUInt16LE(folders.length, 26);
  head.writeUInt16LE(files.length, 28);
  let data = dataOffset;
  for (const [number, folder] of folders.entries()) {
    const at = HEADER_BYTES + FOLDER_BYTES * number;
    head.writeUInt32LE(data, at);
    head.writeUInt16LE(folder.blockCount, at + 4);
    head.writeUInt16LE(TYPE_MSZIP, at + 6);
    data += folder.bytes;
  }
  let at = filesOffset;
  for (const [number, { bytes, offset, folder }] of files.entries()) {
    head.writeUInt32LE(bytes, at);
    head.writeUInt32LE(offset, at + 4);
    head.writeUInt16LE(folder, at + 8);
    head.writeUInt16LE(DATE, at + 10);
    const name = names[number] ?? Buffer.alloc(1);
    head.set(name, at + FILE_BYTES);
    at += FILE_BYTES + name.length;
  }
  return { head, cabinetBytes };
}

function requireLimits(folders: readonly CabFolder[], fileCount: number, cabinetBytes: number): void {
  const limits: readonly (readonly [what: string, value: number, limit: number])[] = [
    ["bytes", cabinetBytes, MAX_CABINET_BYTES],
    ["files", fileCount, MAX_COUNT],
    ["folders", folders.length, MAX_COUNT],
    ["blocks in one folder", Math.max(0, ...folders.map(({ blockCount }) => blockCount)), MAX_COUNT],
  ];
  for (const [what, value, limit] of limits) {
    if (value <= limit) continue;
    throw new ErthError({
      code: "CAB_LIMIT",
      message: `a cabinet can have ${limit} ${what}, and this one would have ${value}.`,
      remedy: "leave big files out of the app, or take another format than msi, then erth package",
      facts: { what, value, limit },
    });
  }
}
