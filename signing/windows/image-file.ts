/** A Windows program on disk: its headers, and its bytes in order with bounded memory. */
import { randomBytes } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { ErthError, messageOf, systemCode } from "../../runtime/base/errors.ts";
import { MAX_HEAD_BYTES, type Pe, parsePe } from "./pe.ts";
import { malformed } from "./pe-errors.ts";

const PIECE_BYTES = 1 << 20;
const DISK_FAULTS = new Set(["ENOENT", "ENOTDIR", "EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT", "EFBIG", "EIO"]);

/** Opens for reading. Throws `PE_UNREADABLE`. */
export async function openPe(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (cause) {
    throw new ErthError({
      code: "PE_UNREADABLE",
      message: `${path} cannot be read: ${systemCode(cause) ?? messageOf(cause)}.`,
      remedy: "name a file that exists and may be read",
      cause,
    });
  }
}

/** The headers of an open file. Throws what `parsePe` throws. */
export async function readPe(file: FileHandle): Promise<Pe> {
  const { size } = await file.stat();
  return parsePe(await readBytes(file, 0, Math.min(size, MAX_HEAD_BYTES)), size);
}

/** Exactly these bytes. Throws `PE_MALFORMED` where the file has become shorter. */
export async function readBytes(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  await readInto(file, bytes, offset);
  return bytes;
}

/**
 * Gives the bytes from `offset` to `offset + length` to `use`, piece by piece.
 * The next piece is being read while `use` works; a piece may be overwritten
 * once what `use` returned for it is done.
 */
export async function forEachPiece(
  file: FileHandle,
  range: { readonly offset: number; readonly length: number },
  use: (piece: Uint8Array, offset: number) => Promise<void> | void,
  signal?: AbortSignal,
): Promise<void> {
  const end = range.offset + range.length;
  const buffers = [0, 1].map(() => Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, range.length)));
  const read = async (index: number): Promise<{ piece: Buffer; offset: number } | undefined> => {
    const offset = range.offset + index * PIECE_BYTES;
    const buffer = buffers[index % buffers.length];
    if (offset >= end || !buffer) return undefined;
    const piece = buffer.subarray(0, Math.min(PIECE_BYTES, end - offset));
    await readInto(file, piece, offset);
    return { piece, offset };
  };
  let current = await read(0);
  for (let index = 1; current; index += 1) {
    signal?.throwIfAborted();
    const { piece, offset } = current;
    const next = read(index);
    const used = (async () => use(piece, offset))();
    [current] = await Promise.all([next, used]);
  }
}

/** Writes all of these bytes at this offset. */
export async function writeBytes(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await file.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
  }
}

/**
 * Lets `write` fill a new file that takes `output`'s place only when it is
 * whole and on disk; after a fault nothing of it is left. Throws `PE_UNWRITABLE`
 * for a folder or disk that takes no file.
 */
export async function replaceFile(
  output: string,
  mode: number,
  write: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const temporary = `${output}.${process.pid}-${randomBytes(4).toString("hex")}.part`;
  try {
    const file = await open(temporary, "wx+", mode & 0o777);
    try {
      await write(file);
      await file.chmod(mode & 0o777);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, output);
  } catch (error) {
    await rm(temporary, { force: true });
    throw DISK_FAULTS.has(systemCode(error) ?? "") ? unwritable(output, error) : error;
  }
  if (process.platform === "win32") return;
  const folder = await open(dirname(output), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function unwritable(path: string, cause: unknown): ErthError {
  return new ErthError({
    code: "PE_UNWRITABLE",
    message: `${path} cannot be written: ${systemCode(cause) ?? messageOf(cause)}.`,
    remedy: "give a folder that exists and has room, then: erth sign",
    cause,
  });
}

async function readInto(file: FileHandle, bytes: Buffer, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, offset + done);
    if (bytesRead === 0) throw malformed(`it ends at ${offset + done} bytes, earlier than when it was opened`);
    done += bytesRead;
  }
}
