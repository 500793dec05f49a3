/**
 * Adds one file to a finished zip, in place of an older one of that name;
 * every other byte stays as it is, compressed once and for all. Follows
 * APPNOTE 6.3, 4.3.7, 4.3.12 and 4.3.16; no Zip64.
 */
import { crc32, createInflateRaw } from "node:zlib";
import { createReadStream, createWriteStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ErthError, messageOf } from "../../runtime/base/errors.ts";

const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
const RECORD_SIGNATURE = 0x02014b50;
const RECORD_BYTES = 46;
const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const MAX_OFFSET = 0xfffffffe;
const MAX_DIRECTORY_BYTES = 64 << 20;
const STORED = 0;
const DEFLATED = 8;
/** Names in UTF-8 (4.4.4, bit 11). */
const UTF8_FLAG = 0x0800;

export interface ZipMember {
  /** "/" separated; ends in one for a folder. */
  readonly name: string;
  readonly method: number;
  readonly compressedBytes: number;
  readonly bytes: number;
  readonly crc32: number;
  readonly localOffset: number;
  /** Its record in the central directory, whole. */
  readonly record: Buffer;
}

export interface ZipContents {
  readonly members: readonly ZipMember[];
  /** Where the central directory begins. */
  readonly directoryOffset: number;
}

/** Reads what is in a zip. Throws `ZIP_DAMAGED`. */
export async function readZipContents(path: string): Promise<ZipContents> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const tail = await bytesAt(file, Math.max(0, size - END_BYTES - MAX_COMMENT_BYTES), size);
    const end = findEnd(tail);
    const [count, length, offset] = [end.readUInt16LE(10), end.readUInt32LE(12), end.readUInt32LE(16)];
    if (offset > MAX_OFFSET || length > MAX_DIRECTORY_BYTES || offset + length > size) {
      throw damaged(`its directory (${length} bytes at ${offset}) cannot be read`);
    }
    const members = parseMembers(await bytesAt(file, offset, offset + length));
    if (members.length !== count) throw damaged(`its directory has ${members.length} records of ${count}`);
    return { members, directoryOffset: offset };
  } finally {
    await file.close();
  }
}

/** Unpacks one member to a new file, and compares its length and CRC. Throws `ZIP_DAMAGED`. */
export async function extractMember(path: string, member: ZipMember, output: string): Promise<void> {
  const { name, method, compressedBytes, localOffset } = member;
  if (method !== STORED && method !== DEFLATED) throw damaged(`${name} is compressed by method ${method}`);
  const file = await open(path, "r");
  let start: number;
  try {
    const local = await bytesAt(file, localOffset, localOffset + LOCAL_BYTES);
    if (local.length < LOCAL_BYTES || local.readUInt32LE(0) !== LOCAL_SIGNATURE) {
      throw damaged(`${name} does not begin where the directory says`);
    }
    start = localOffset + LOCAL_BYTES + local.readUInt16LE(26) + local.readUInt16LE(28);
  } finally {
    await file.close();
  }
  const end = start + compressedBytes - 1;
  const source = compressedBytes === 0 ? Readable.from([]) : createReadStream(path, { start, end });
  const check = (bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> => checked(bytes, member);
  try {
    if (method === STORED) await pipeline(source, check, createWriteStream(output));
    else await pipeline(source, createInflateRaw(), check, createWriteStream(output));
  } catch (cause) {
    if (cause instanceof ErthError) throw cause;
    throw damaged(`${name} cannot be unpacked (${messageOf(cause)})`, cause);
  }
}

/** Passes bytes on, at most as many as were announced, and knows at the end whether they were the right ones. */
async function* checked(source: AsyncIterable<Buffer>, member: ZipMember): AsyncGenerator<Buffer> {
  let [bytes, crc] = [0, 0];
  for await (const chunk of source) {
    bytes += chunk.length;
    crc = crc32(chunk, crc);
    if (bytes > member.bytes) throw damaged(`${member.name} is longer than the directory says`);
    yield chunk;
  }
  if (bytes !== member.bytes || crc !== member.crc32) throw damaged(`${member.name} is not what the directory says`);
}

/**
 * Writes a copy of the zip with `content` under `name`, stored. Date and mode
 * are those of `like`, a file that is in it.
 */
export async function addMember(
  path: string,
  output: FileHandle,
  { members, directoryOffset }: ZipContents,
  { name, like, content }: { readonly name: string; readonly like: ZipMember; readonly content: Uint8Array },
): Promise<void> {
  let at = 0;
  const write = async (bytes: Uint8Array): Promise<void> => {
    await output.writeFile(bytes);
    at += bytes.length;
  };
  if (directoryOffset > 0) {
    const source = createReadStream(path, {
      end: directoryOffset - 1,
      highWaterMark: 1 << 20,
    }) as AsyncIterable<Buffer>;
    for await (const chunk of source) await write(chunk);
  }
  if (at !== directoryOffset) throw damaged("it became shorter while it was read");
  // 4.3.7: local header, then the bytes.
  const nameBytes = Buffer.from(name, "utf8");
  const localOffset = at;
  const common = Buffer.alloc(26);
  common.writeUInt16LE(10, 0);
  common.writeUInt16LE(UTF8_FLAG, 2);
  common.writeUInt16LE(STORED, 4);
  like.record.copy(common, 6, 12, 16);
  common.writeUInt32LE(crc32(content), 10);
  common.writeUInt32LE(content.length, 14);
  common.writeUInt32LE(content.length, 18);
  common.writeUInt16LE(nameBytes.length, 22);
  await write(uint32(LOCAL_SIGNATURE));
  await write(common);
  await write(nameBytes);
  await write(content);
  // 4.3.12: the records of what stays, and the new one.
  const record = Buffer.alloc(RECORD_BYTES);
  like.record.copy(record, 0, 0, RECORD_BYTES);
  common.copy(record, 6);
  record.writeUInt16LE(0, 30);
  record.writeUInt16LE(0, 32);
  record.writeUInt32LE(localOffset, 42);
  const kept = members.filter((member) => member.name !== name).map((member) => member.record);
  const directory = Buffer.concat([...kept, record, nameBytes]);
  const newDirectoryOffset = at;
  if (newDirectoryOffset > MAX_OFFSET || kept.length + 1 >= 0xffff) throw damaged("it would need Zip64");
  await write(directory);
  // 4.3.16
  const end = Buffer.alloc(END_BYTES);
  end.writeUInt32LE(END_SIGNATURE, 0);
  end.writeUInt16LE(kept.length + 1, 8);
  end.writeUInt16LE(kept.length + 1, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(newDirectoryOffset, 16);
  await write(end);
}

function findEnd(tail: Buffer): Buffer {
  for (let at = tail.length - END_BYTES; at >= 0; at -= 1) {
    const isEnd =
      tail.readUInt32LE(at) === END_SIGNATURE && at + END_BYTES + tail.readUInt16LE(at + 20) === tail.length;
    if (isEnd) return tail.subarray(at);
  }
  throw damaged("it has no end record");
}

function parseMembers(directory: Buffer): readonly ZipMember[] {
  const members: ZipMember[] = [];
  for (let at = 0; at < directory.length;) {
    if (at + RECORD_BYTES > directory.length || directory.readUInt32LE(at) !== RECORD_SIGNATURE) {
      throw damaged(`record ${members.length} of its directory is wrong`);
    }
    const nameBytes = directory.readUInt16LE(at + 28);
    const end = at + RECORD_BYTES + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
    if (end > directory.length) throw damaged(`record ${members.length} of its directory is cut off`);
    members.push({
      name: directory.toString("utf8", at + RECORD_BYTES, at + RECORD_BYTES + nameBytes),
      method: directory.readUInt16LE(at + 10),
      crc32: directory.readUInt32LE(at + 16),
      compressedBytes: directory.readUInt32LE(at + 20),
      bytes: directory.readUInt32LE(at + 24),
      localOffset: directory.readUInt32LE(at + 42),
      record: directory.subarray(at, end),
    });
    at = end;
  }
  return members;
}

async function bytesAt(file: FileHandle, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.alloc(Math.max(0, end - start));
  const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
  return bytes.subarray(0, bytesRead);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function damaged(what: string, cause?: unknown): ErthError {
  return new ErthError({
    code: "ZIP_DAMAGED",
    message: `the zip is damaged: ${what}.`,
    remedy: "make it again: erth package",
    cause,
  });
}
