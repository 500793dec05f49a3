/**
 * An app package of Windows as a signature sees it: the zip as it would be
 * without `AppxSignature.p7x`, and the digests of its pieces. Microsoft has
 * published no description; this follows what osslsigncode and the MSIX SDK
 * agree on.
 */
import { createHash, type Hash } from "node:crypto";
import type { ByteRange } from "../../build/formats/byte-range.ts";
import { BLOCK_MAP_NAME, SIGNATURE_NAME } from "../../build/formats/msix.ts";
import { CONTENT_TYPES_NAME } from "../../build/formats/opc.ts";
import { readZipData } from "../../build/formats/zip-data.ts";
import { readZip, type ZipRecord } from "../../build/formats/zip-directory.ts";
import { ErthError } from "../../runtime/base/errors.ts";
import type { DigestName } from "./authenticode.ts";

/** What each digest is of, in the order in which they are signed. */
export const MSIX_DIGESTS = {
  AXPC: "its files",
  AXCD: "its central directory",
  AXCT: "its list of types",
  AXBM: "its block map",
  AXCI: "its code integrity catalog",
} as const;
export type MsixDigest = keyof typeof MSIX_DIGESTS;
export type MsixDigests = ReadonlyMap<MsixDigest, Uint8Array>;

/** Stands before the CMS in `AppxSignature.p7x`. */
export const P7X_MAGIC = "PKCX";
const CODE_INTEGRITY_NAME = "AppxMetadata/CodeIntegrity.cat";
const CHUNK_BYTES = 1 << 20;
const MAX_DOCUMENT_BYTES = 64 << 20;
const END64_SIGNATURE = 0x06064b50;
const END64_BYTES = 56;
const LOCATOR64_BYTES = 20;
const ZIP64_MARK_16 = 0xffff;
const ZIP64_MARK_32 = 0xffffffff;

export interface MsixPackage {
  /** Without the signature's, in the zip's order. */
  readonly records: readonly ZipRecord[];
  /** `AppxSignature.p7x`, the last part, if there is one. */
  readonly signature: ZipRecord | undefined;
  /** Where the parts without the signature end. */
  readonly partsEnd: number;
  /** The end records, as they are. */
  readonly end: Buffer;
}

/** Opens a package. Throws `MSIX_FOREIGN` where it is none, or its signature is not its last part. */
export async function openMsix(range: ByteRange): Promise<MsixPackage> {
  const { records, offset, end } = await readZip(range);
  const at = records.findIndex(({ name }) => name === SIGNATURE_NAME);
  const signature = records[at];
  const isLast = records.every((record) => record === signature || record.offset < (signature?.offset ?? offset));
  if (!isLast || (at >= 0 && at !== records.length - 1)) throw foreign("its signature is not its last part");
  const parts = at < 0 ? records : records.slice(0, -1);
  for (const name of [BLOCK_MAP_NAME, CONTENT_TYPES_NAME]) {
    if (parts.filter((record) => record.name === name).length !== 1) throw foreign(`it does not have one ${name}`);
  }
  return {
    records: parts,
    signature,
    partsEnd: signature?.offset ?? offset,
    end: Buffer.from(await range.read(end, range.size - end)),
  };
}

/** A document of the package, whole. */
export async function readPart(range: ByteRange, { records }: MsixPackage, name: string): Promise<Buffer> {
  const record = records.find((one) => one.name === name);
  if (record === undefined || record.bytes > MAX_DOCUMENT_BYTES) throw foreign(`${name} is missing or too large`);
  return Buffer.concat(await Array.fromAsync(readZipData(range, record)));
}

/** The digests of a package as it would be without its signature. */
export async function msixDigests(
  range: ByteRange,
  file: MsixPackage,
  name: DigestName,
  signal?: AbortSignal,
): Promise<MsixDigests> {
  const directory = Buffer.concat(file.records.map(({ raw }) => raw));
  const place = { offset: file.partsEnd, length: directory.length, count: file.records.length };
  const parts = createHash(name);
  await hashRange(parts, range, file.partsEnd, signal);
  const of = async (part: string): Promise<Buffer> =>
    createHash(name)
      .update(await readPart(range, file, part))
      .digest();
  const digests = new Map<MsixDigest, Uint8Array>([
    ["AXPC", parts.digest()],
    ["AXCD", createHash(name).update(directory).update(patchEnd(file.end, place)).digest()],
    ["AXCT", await of(CONTENT_TYPES_NAME)],
    ["AXBM", await of(BLOCK_MAP_NAME)],
  ]);
  if (file.records.some((record) => record.name === CODE_INTEGRITY_NAME)) {
    digests.set("AXCI", await of(CODE_INTEGRITY_NAME));
  }
  return digests;
}

/** Hashes the first `length` bytes. */
export async function hashRange(hash: Hash, range: ByteRange, length: number, signal?: AbortSignal): Promise<void> {
  for (let at = 0; at < length; at += CHUNK_BYTES) {
    signal?.throwIfAborted();
    hash.update(await range.read(at, Math.min(CHUNK_BYTES, length - at)));
  }
}

const HEAD = "APPX";

/** What is signed in place of one digest: a head, then each digest behind its name. */
export function encodeDigests(digests: MsixDigests): Buffer {
  return Buffer.concat([
    Buffer.from(HEAD, "latin1"),
    ...[...digests].flatMap(([name, digest]) => [Buffer.from(name, "latin1"), digest]),
  ]);
}

/** The digests of a signature, or undefined where they are none. */
export function parseDigests(bytes: Uint8Array, digestBytes: number): MsixDigests | undefined {
  const blob = Buffer.from(bytes);
  const step = 4 + digestBytes;
  if (blob.toString("latin1", 0, HEAD.length) !== HEAD || (blob.length - HEAD.length) % step !== 0) return undefined;
  const digests = new Map<MsixDigest, Uint8Array>();
  for (let at = HEAD.length; at < blob.length; at += step) {
    const name = blob.toString("latin1", at, at + 4);
    if (!isDigest(name) || digests.has(name)) return undefined;
    digests.set(name, blob.subarray(at + 4, at + step));
  }
  return digests;
}

function isDigest(name: string): name is MsixDigest {
  return Object.hasOwn(MSIX_DIGESTS, name);
}

export interface DirectoryPlace {
  readonly offset: number;
  readonly length: number;
  readonly count: number;
}

/** End records with these numbers; where a Zip64 record has them, the marks that point to it stay. */
export function patchEnd(end: Buffer, { offset, length, count }: DirectoryPlace): Buffer {
  const patched = Buffer.from(end);
  let at = 0;
  if (patched.length > END64_BYTES && patched.readUInt32LE(0) === END64_SIGNATURE) {
    for (const place of [24, 32]) patched.writeBigUInt64LE(BigInt(count), place);
    patched.writeBigUInt64LE(BigInt(length), 40);
    patched.writeBigUInt64LE(BigInt(offset), 48);
    patched.writeBigUInt64LE(BigInt(offset + length), END64_BYTES + 8);
    at = END64_BYTES + LOCATOR64_BYTES;
  }
  const isMarked = at > 0;
  if (!isMarked && (count >= ZIP64_MARK_16 || offset + length >= ZIP64_MARK_32)) {
    throw foreign("with its signature it would need Zip64, which it does not have");
  }
  for (const place of [8, 10]) {
    if (!isMarked || patched.readUInt16LE(at + place) !== ZIP64_MARK_16) patched.writeUInt16LE(count, at + place);
  }
  for (const [place, value] of [
    [12, length],
    [16, offset],
  ] as const) {
    if (!isMarked || patched.readUInt32LE(at + place) !== ZIP64_MARK_32) patched.writeUInt32LE(value, at + place);
  }
  return patched;
}

export function foreign(what: string): ErthError {
  return new ErthError({
    code: "MSIX_FOREIGN",
    message: `This is no app package that can be signed: ${what}.`,
    remedy: "make it again: erth package --format msix",
  });
}
