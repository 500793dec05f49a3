/**
 * Writes a zsync control file, by which a client fetches only those blocks of
 * a file that it has nowhere in its old one: what `zsyncmake` 0.6.2 writes,
 * without the time of the file, which would be another at every build.
 *
 *   header   "Name: value" lines, an empty line
 *   blocks   for each block of the file, the last one filled with zeros: the
 *            last bytes of its rolling sum, the first ones of its MD4
 */
import { createHash } from "node:crypto";
import { md4 } from "./md4.ts";

export interface ZsyncRequest {
  /** What a client calls the file; beside the control file, it is the file's address too. */
  readonly fileName: string;
  readonly fileBytes: number;
  /** All of the file. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

const LARGE_FILE_BYTES = 100_000_000;

/** The control file of a file. A content of another length than `fileBytes` is a bug. */
export async function encodeZsync({ fileName, fileBytes, chunks }: ZsyncRequest): Promise<Buffer> {
  const blockBytes = fileBytes < LARGE_FILE_BYTES ? 2048 : 4096;
  const lengths = hashLengths(fileBytes, blockBytes);
  const sha1 = createHash("sha1");
  const sums: Buffer[] = [];
  let bytes = 0;
  let kept: Uint8Array = Buffer.of();
  for await (const chunk of chunks) {
    sha1.update(chunk);
    bytes += chunk.length;
    const ready = Buffer.concat([kept, chunk]);
    let at = 0;
    for (; at + blockBytes <= ready.length; at += blockBytes) {
      sums.push(blockSums(ready.subarray(at, at + blockBytes), lengths));
    }
    kept = ready.subarray(at);
  }
  if (kept.length > 0) sums.push(blockSums(Buffer.concat([kept], blockBytes), lengths));
  if (bytes !== fileBytes) throw new Error(`${fileName} gave ${bytes} of ${fileBytes} bytes`);
  const header = [
    "zsync: 0.6.2",
    `Filename: ${fileName}`,
    `Blocksize: ${blockBytes}`,
    `Length: ${fileBytes}`,
    `Hash-Lengths: ${lengths.matches},${lengths.rolling},${lengths.strong}`,
    `URL: ${encodeURI(fileName)}`,
    `SHA-1: ${sha1.digest("hex")}`,
  ];
  return Buffer.concat([Buffer.from(`${header.join("\n")}\n\n`), ...sums]);
}

interface HashLengths {
  /** Blocks in a row that must match before a block is taken. */
  readonly matches: number;
  /** Bytes kept of each block's rolling sum and of its MD4. */
  readonly rolling: number;
  readonly strong: number;
}

/** `make.c` of zsync: so long that a false match anywhere in the file has a chance of one in 2^20. */
function hashLengths(fileBytes: number, blockBytes: number): HashLengths {
  const matches = fileBytes > blockBytes ? 2 : 1;
  const blocks = 1 + Math.floor(fileBytes / blockBytes);
  const rolling = Math.ceil((Math.log2(fileBytes) + Math.log2(blockBytes) - 8.6) / matches / 8);
  const strong = Math.ceil((20 + Math.log2(fileBytes) + Math.log2(blocks)) / matches / 8);
  const least = Math.floor((7.9 + 20 + Math.log2(blocks)) / 8);
  return { matches, rolling: Math.min(4, Math.max(2, rolling)), strong: Math.max(strong, least) };
}

function blockSums(block: Uint8Array, { rolling, strong }: HashLengths): Buffer {
  const sums = Buffer.alloc(4);
  let [plain, weighted] = [0, 0];
  for (const byte of block) {
    plain += byte;
    // The sum of all sums so far weighs the first byte most.
    weighted += plain;
  }
  sums.writeUInt16BE(plain & 0xffff, 0);
  sums.writeUInt16BE(weighted & 0xffff, 2);
  return Buffer.concat([sums.subarray(4 - rolling), md4(block).subarray(0, strong)]);
}
