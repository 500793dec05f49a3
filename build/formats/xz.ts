/**
 * The .xz file format 1.2.1, as a container: whoever compresses makes files of
 * a few blocks each, and here their blocks become one stream. A block can be
 * decoded alone and names its own filters, so that a package is put together
 * from parts that were compressed at different times. One stream, because not
 * every reader goes on after the first.
 */
import { crc32 } from "node:zlib";
import { ErthError } from "../../runtime/base/errors.ts";
import type { ByteRange } from "./byte-range.ts";
import type { Extent } from "./extent.ts";

const HEADER_MAGIC = Buffer.from("fd377a585a00", "hex");
const FOOTER_MAGIC = Buffer.from("YZ", "latin1");
const HEADER_BYTES = 12;
const FOOTER_BYTES = 12;
/** 16 MiB of index describe more blocks than any file of ours has bytes. */
const MAX_INDEX_BYTES = 16 << 20;
/** §1.2: a variable-length integer has at most nine bytes. */
const MAX_INTEGER_BYTES = 9;

export interface XzBlock {
  /** In the file, where its header begins; it takes `unpaddedBytes`, rounded up to 4. */
  readonly offset: number;
  readonly unpaddedBytes: number;
  readonly rawBytes: number;
}

/** A file of one stream. */
export interface XzFile {
  /** §2.1.1.2, stream flags: which check the blocks end with. */
  readonly flags: number;
  readonly blocks: readonly XzBlock[];
}

/** The blocks of a file, by its index. Throws `XZ_DAMAGED` where it contradicts itself, or has a second stream. */
export async function readXzIndex(range: ByteRange): Promise<XzFile> {
  if (range.size < HEADER_BYTES + FOOTER_BYTES || range.size % 4 !== 0) throw xzDamaged("it is cut off");
  const header = Buffer.from(await range.read(0, HEADER_BYTES));
  const footer = Buffer.from(await range.read(range.size - FOOTER_BYTES, FOOTER_BYTES));
  const isHeader =
    header.subarray(0, 6).equals(HEADER_MAGIC) && header.readUInt32LE(8) === crc32(header.subarray(6, 8));
  const isFooter = footer.subarray(10).equals(FOOTER_MAGIC) && footer.readUInt32LE(0) === crc32(footer.subarray(4, 10));
  if (!isHeader || !isFooter || !header.subarray(6, 8).equals(footer.subarray(8, 10))) {
    throw xzDamaged("its header or its footer is wrong");
  }
  // §2.1.2.2: the index has four times as many bytes, and four more.
  const indexBytes = (footer.readUInt32LE(4) + 1) * 4;
  const indexOffset = range.size - FOOTER_BYTES - indexBytes;
  if (indexBytes > MAX_INDEX_BYTES || indexOffset < HEADER_BYTES) throw xzDamaged("its index lies outside it");
  const blocks = parseIndex(Buffer.from(await range.read(indexOffset, indexBytes)));
  const last = blocks.at(-1);
  const end = last === undefined ? HEADER_BYTES : last.offset + padded(last.unpaddedBytes);
  if (end !== indexOffset) throw xzDamaged("its blocks end elsewhere than its index begins");
  return { flags: header.readUInt16BE(6), blocks };
}

function parseIndex(bytes: Buffer): readonly XzBlock[] {
  const content = bytes.subarray(0, -4);
  if (bytes[0] !== 0 || bytes.readUInt32LE(content.length) !== crc32(content)) throw xzDamaged("its index is wrong");
  let at = 1;
  const next = (): number => {
    let value = 0;
    for (let count = 0; count < MAX_INTEGER_BYTES && at < content.length; count += 1, at += 1) {
      const byte = content[at] ?? 0;
      value += (byte & 0x7f) * 2 ** (7 * count);
      if (byte < 0x80) {
        at += 1;
        if (!Number.isSafeInteger(value)) throw xzDamaged("its index has a number without end");
        return value;
      }
    }
    throw xzDamaged("its index has a number without end");
  };
  const blocks: XzBlock[] = [];
  let offset = HEADER_BYTES;
  for (let left = next(); left > 0; left -= 1) {
    const unpaddedBytes = next();
    blocks.push({ offset, unpaddedBytes, rawBytes: next() });
    offset += padded(unpaddedBytes);
  }
  if (content.length - at > 3 || content.subarray(at).some((byte) => byte !== 0)) throw xzDamaged("its index is wrong");
  return blocks;
}

/** A file on disk with some of the blocks. */
export interface XzPart {
  readonly path: string;
  readonly file: XzFile;
}

/** One stream of the blocks of all parts, in order. Their checks must be of one kind. */
export function layoutXz(parts: readonly XzPart[]): readonly Extent[] {
  const flags = Buffer.alloc(2);
  flags.writeUInt16BE(parts[0]?.file.flags ?? 0);
  const blocks: Extent[] = [];
  const records: Buffer[] = [];
  let count = 0;
  for (const { path, file } of parts) {
    if (file.flags !== flags.readUInt16BE(0)) throw new TypeError(`${path} has other checks than the parts before it`);
    for (const { offset, unpaddedBytes, rawBytes } of file.blocks) {
      blocks.push({ file: path, offset, length: padded(unpaddedBytes) });
      records.push(integer(unpaddedBytes), integer(rawBytes));
      count += 1;
    }
  }
  const header = Buffer.concat([HEADER_MAGIC, flags, uint32(crc32(flags))]);
  // §4: an indicator, the number of records, the records, padding, CRC32
  const body = Buffer.concat([Buffer.of(0), integer(count), ...records]);
  const content = Buffer.concat([body, Buffer.alloc(padded(body.length) - body.length)]);
  const index = Buffer.concat([content, uint32(crc32(content))]);
  const tail = Buffer.concat([uint32(index.length / 4 - 1), flags]);
  const footer = Buffer.concat([uint32(crc32(tail)), tail, FOOTER_MAGIC]);
  return [{ bytes: header }, ...blocks, { bytes: Buffer.concat([index, footer]) }];
}

function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}

/** §1.2: seven bits a byte, the lowest first. */
function integer(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function xzDamaged(what: string): ErthError {
  return new ErthError({
    code: "XZ_DAMAGED",
    message: `the xz file is damaged: ${what}.`,
    remedy: "get the file again, or make it again: erth package",
  });
}
