/**
 * One download into a part file: resumes where the last one stopped, retries
 * what may pass, gives up on silence, and hashes every byte on its way. Knows
 * nothing of npm or mirrors: bytes come from a `ByteSource`.
 */
import { type FileHandle, open } from "node:fs/promises";
import { ErthError, systemCode } from "../../runtime/base/errors.ts";
import { type Digest, type RunningDigest, runningDigest } from "./digest.ts";
import { type Patience, withPatience } from "./patience.ts";
import { cacheFailure, httpStatus, unreachable, wrongDigest } from "./vendor-errors.ts";

export interface ByteSource {
  readonly url: string;
  /** Asks for the bytes from `offset` on; a source that cannot resume answers from 0. */
  open(offset: number, signal: AbortSignal): Promise<ByteResponse>;
}

export interface ByteResponse {
  /** Offset of the first byte of `body`. */
  readonly start: number;
  /** Length of the whole file, where the server says it. */
  readonly totalBytes: number | undefined;
  readonly body: AsyncIterable<Uint8Array>;
}

export interface DownloadRequest {
  readonly name: string;
  readonly source: ByteSource;
  /** The part file, maybe begun; whole and verified afterwards, deleted on a wrong digest. */
  readonly path: string;
  /** The locked digest; undefined only while locking. */
  readonly expected: Digest | undefined;
  /** The locked size, where there is one. */
  readonly expectedBytes?: number | undefined;
  readonly patience: Patience;
  readonly signal: AbortSignal;
  readonly onBytes: (doneBytes: number, totalBytes: number | undefined) => void;
  /** For tests of a disk that fails. */
  readonly openFile?: (path: string) => Promise<FileHandle>;
}

export interface Downloaded {
  readonly bytes: number;
  /** Of the whole file, as the lock writes it. */
  readonly digest: string;
}

/** No vendored file is near this size; a server that never stops is cut off here. */
const MAX_BYTES = 2 * 1024 ** 3;

/**
 * Fetches until the part file is whole and has the expected digest. Throws
 * `VENDOR_DIGEST` (nothing is kept), `VENDOR_UNREACHABLE` (the part is kept),
 * `DISK_FULL`, `CACHE_NOT_WRITABLE`, or the signal's reason.
 */
export async function download(request: DownloadRequest): Promise<Downloaded> {
  const { name, source, expected } = request;
  const file = await (request.openFile ?? openPart)(request.path).catch((cause: unknown) => {
    throw cacheFailure(cause, request.path) ?? cause;
  });
  try {
    const part = await resumePart(file, expected?.algorithm ?? "sha256");
    if (expected !== undefined && part.bytes > 0 && part.digest.text() === expected.text) {
      return { bytes: part.bytes, digest: expected.text };
    }
    if (part.bytes >= (request.expectedBytes ?? Infinity)) await part.restart();
    await fill(part, request);
    if (expected !== undefined && part.digest.text() !== expected.text && part.pieces > 1) {
      // Pieces of two downloads may not belong together: judge the server by one whole answer.
      await part.restart();
      await fill(part, request);
    }
    const digest = part.digest.text();
    if (expected !== undefined && digest !== expected.text) {
      await part.restart();
      throw wrongDigest(name, source.url, expected.text, digest);
    }
    return { bytes: part.bytes, digest };
  } finally {
    await file.close();
  }
}

interface OpenPart {
  readonly bytes: number;
  readonly digest: RunningDigest;
  /** How many runs and responses the bytes come from. */
  readonly pieces: number;
  append(chunk: Uint8Array): Promise<void>;
  restart(): Promise<void>;
  begin(): void;
}

/** Fills the part from its end on, over as many responses as it takes. */
async function fill(part: OpenPart, request: DownloadRequest): Promise<void> {
  const { name, source, patience, signal } = request;
  try {
    await withPatience(
      patience,
      signal,
      () => oneResponse(part, request),
      () => part.bytes,
    );
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof ErthError ? error : unreachable(name, source.url, error);
  }
}

async function oneResponse(part: OpenPart, request: DownloadRequest): Promise<void> {
  const { patience, signal } = request;
  const stall = new AbortController();
  const silence = Object.assign(new Error(`no byte for ${patience.stallMs / 1000} s`), { code: "ETIMEDOUT" });
  const timer = setTimeout(() => stall.abort(silence), patience.stallMs);
  try {
    // Without a digest to judge the sum by, pieces of two answers are never put together.
    if (request.expected === undefined && part.bytes > 0) await part.restart();
    const response = await request.source.open(part.bytes, AbortSignal.any([signal, stall.signal]));
    if (response.start !== part.bytes) {
      if (response.start !== 0) throw new Error(`asked for byte ${part.bytes}, got byte ${response.start}`);
      await part.restart();
    }
    part.begin();
    const totalBytes = response.totalBytes ?? request.expectedBytes;
    const most = totalBytes ?? MAX_BYTES;
    for await (const chunk of response.body) {
      timer.refresh();
      if (part.bytes + chunk.length > most) {
        await part.restart();
        throw unreachable(request.name, request.source.url, new Error(`it sends more than ${most} bytes`));
      }
      await part.append(chunk).catch((cause: unknown) => {
        throw cacheFailure(cause, request.path) ?? cause;
      });
      request.onBytes(part.bytes, totalBytes);
    }
    stall.signal.throwIfAborted();
    if (totalBytes !== undefined && part.bytes < totalBytes) {
      throw new Error(`the connection ended after ${part.bytes} of ${totalBytes} bytes`);
    }
  } catch (error) {
    if (httpStatus(error) === 416 && part.bytes > 0) {
      await part.restart();
      throw new Error("the server has no such range; starting over", { cause: error });
    }
    throw stall.signal.aborted && !signal.aborted ? silence : error;
  } finally {
    clearTimeout(timer);
  }
}

async function openPart(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r+");
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
    return open(path, "wx+");
  }
}

async function resumePart(file: FileHandle, algorithm: Digest["algorithm"]): Promise<OpenPart> {
  let digest = runningDigest(algorithm);
  let bytes = 0;
  const buffer = Buffer.alloc(1024 * 1024);
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, bytes);
    if (bytesRead === 0) break;
    digest.update(buffer.subarray(0, bytesRead));
    bytes += bytesRead;
  }
  let pieces = bytes > 0 ? 1 : 0;
  return {
    get bytes() {
      return bytes;
    },
    get digest() {
      return digest;
    },
    get pieces() {
      return pieces;
    },
    begin: () => void (pieces += 1),
    append: async (chunk) => {
      for (let written = 0; written < chunk.length;) {
        written += (await file.write(chunk, written, chunk.length - written, bytes + written)).bytesWritten;
      }
      digest.update(chunk);
      bytes += chunk.length;
    },
    restart: async () => {
      await file.truncate(0);
      digest = runningDigest(algorithm);
      bytes = 0;
      pieces = 0;
    },
  };
}
