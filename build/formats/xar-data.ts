/** A file's content out of an untrusted XAR, streamed: bounded by what the table says, and compared with both its checksums. */
import { createHash } from "node:crypto";
import { createInflate } from "node:zlib";
import type { ByteRange } from "./byte-range.ts";
import { unpacked } from "./unpacked.ts";
import { type XarArchive, xarDamaged } from "./xar.ts";
import type { XarDigest, XarFile } from "./xar-toc.ts";

const CHUNK_BYTES = 1 << 20;
const DIGESTS: readonly string[] = ["sha1", "sha256", "sha512"];

/** The content of a file. Throws `XAR_DAMAGED`, at the latest behind the last byte. */
export async function* readXarFile(range: ByteRange, archive: XarArchive, file: XarFile): AsyncGenerator<Uint8Array> {
  const { data, path } = file;
  if (data === undefined) return;
  const isStored = data.encoding === "application/octet-stream";
  if (!isStored && data.encoding !== "application/x-gzip") {
    throw xarDamaged(`${path} is encoded as ${JSON.stringify(data.encoding)}`);
  }
  const stored = checked(heapChunks(range, archive.heapOffset + data.offset, data.length), data.archived, path);
  let length = 0;
  for await (const chunk of checked(
    isStored
      ? stored
      : unpacked(stored, createInflate({ chunkSize: 1 << 18 }), (what, cause) => xarDamaged(`${path} ${what}`, cause)),
    data.extracted,
    path,
  )) {
    length += chunk.length;
    if (length > data.size) throw xarDamaged(`${path} unpacks to more than the ${data.size} bytes that it promises`);
    yield chunk;
  }
  if (length !== data.size) throw xarDamaged(`${path} unpacks to ${length} bytes of ${data.size}`);
}

async function* heapChunks(range: ByteRange, offset: number, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < length; at += CHUNK_BYTES) {
    yield await range.read(offset + at, Math.min(CHUNK_BYTES, length - at));
  }
}

async function* checked(
  source: AsyncIterable<Uint8Array>,
  { style, hex }: XarDigest,
  path: string,
): AsyncGenerator<Uint8Array> {
  if (!DIGESTS.includes(style)) throw xarDamaged(`${path} has a checksum by ${JSON.stringify(style)}`);
  const hash = createHash(style);
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
  const found = hash.digest("hex");
  if (found !== hex) throw xarDamaged(`${path} has the ${style} ${found}, its table says ${hex}`);
}
