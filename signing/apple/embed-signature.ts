/**
 * Writes Mach-O files, thin and universal, with new signatures: streams each
 * slice once, hashing its pages on the way, and puts a SuperBlob behind it.
 * What the signature says is the caller's (`sign-mach-o.ts`).
 */
import type { FileHandle } from "node:fs/promises";
import { alignUp } from "../../build/formats/bounded-view.ts";
import { type ByteRange, subRange } from "../../build/formats/byte-range.ts";
import {
  cdHashOf,
  type CodeDirectoryFacts,
  codeDirectoryBytes,
  createPageHasher,
  encodeCodeDirectory,
  type PageHasher,
} from "./code-directory.ts";
import { encodeFatTable, type FatSlice, readFat } from "./fat.ts";
import { type MachO, parseMachO, readMachOHeader } from "./mach-o.ts";
import { machOTrailingData } from "./mach-o-errors.ts";
import { changedHeaderBytes, headerWithSignature, signedExtent } from "./signature-space.ts";
import { CMS_WRAPPER_MAGIC, encodeBlob, encodeSuperBlob, SLOT, superBlobBytes } from "./super-blob.ts";

/** What one slice's signature is to say; `codeLimit` is found here. */
export interface SignaturePlan {
  readonly directory: Omit<CodeDirectoryFacts, "codeLimit">;
  /** Blobs between the CodeDirectory and the CMS message, by slot. */
  readonly blobs: readonly { readonly slot: number; readonly bytes: Uint8Array }[];
  /** The CMS message over the CodeDirectory; empty for an ad-hoc signature. */
  readonly cms: (codeDirectory: Uint8Array) => Promise<Uint8Array>;
}

export interface EmbeddedSlice {
  readonly architecture: string;
  /** Hex, 40 digits. */
  readonly cdHash: string;
}

/** How a slice's signature is planned: from its header and its bytes. */
export type Planner = (machO: MachO, slice: ByteRange) => Promise<SignaturePlan>;

/** What `codesign` keeps free for the CMS message, whether there is one or not. */
const CMS_ROOM_BYTES = 18_000;
const SIGNATURE_SIZE_ALIGNMENT = 16;
const PIECE_BYTES = 1 << 20;
const LANES = 3;

/** Writes the whole signed file to an open, empty one. Slices keep their order. */
export async function embedSignatures(
  input: ByteRange,
  output: FileHandle,
  plan: Planner,
  signal?: AbortSignal,
): Promise<readonly EmbeddedSlice[]> {
  const slices = await readFat(input);
  if (slices === undefined) return [(await embedSlice(input, output, 0, plan, signal)).slice];

  const last = Math.max(...slices.map(({ offset, size }) => offset + size));
  if (last < input.size) throw machOTrailingData(`${input.size - last} bytes follow its last slice`);
  const embedded: EmbeddedSlice[] = [];
  const table: FatSlice[] = [];
  let end = encodeFatTable(slices).length;
  for (const slice of slices) {
    const offset = alignUp(end, 2 ** slice.alignLog2);
    const part = subRange(input, slice.offset, slice.size);
    const written = await embedSlice(part, output, offset, plan, signal);
    embedded.push(written.slice);
    table.push({ ...slice, offset, size: written.size });
    end = offset + written.size;
  }
  await writeAll(output, encodeFatTable(table), 0);
  return embedded;
}

/** The steps are those of `codesign`; what lies between slices stays a hole, which reads as zeros. */
async function embedSlice(
  input: ByteRange,
  output: FileHandle,
  at: number,
  plan: Planner,
  signal?: AbortSignal,
): Promise<{ readonly slice: EmbeddedSlice; readonly size: number }> {
  // 1. Where the signature goes, and how large it will be.
  const machO = parseMachO(await readMachOHeader(input), input.size);
  const { contentBytes, codeLimit } = signedExtent(machO);
  const { directory, blobs, cms } = await plan(machO, input);
  const facts: CodeDirectoryFacts = { ...directory, codeLimit };
  const pageBytes = 2 ** facts.pageSizeLog2;
  const fixedBytes = superBlobBytes([codeDirectoryBytes(facts), ...blobs.map(({ bytes }) => bytes.length), 0]);

  // 2. The header is changed before it is hashed. Its pages stay at hand, in case the room does not suffice.
  const firstBytes = Math.min(alignUp(changedHeaderBytes(machO), pageBytes), codeLimit);
  const first = new Uint8Array(firstBytes);
  first.set(await input.read(0, Math.min(firstBytes, contentBytes)));
  let signatureBytes = alignUp(fixedBytes + CMS_ROOM_BYTES, SIGNATURE_SIZE_ALIGNMENT);
  const oldHeader = first.slice(0, changedHeaderBytes(machO));
  first.set(headerWithSignature(machO, oldHeader, codeLimit, signatureBytes));

  // 3. Every byte is read once, hashed and written.
  const hasher = createPageHasher(codeLimit, facts.pageSizeLog2);
  hasher.update(first);
  await writeAll(output, first, at);
  await streamPages({ input, contentBytes, codeLimit, from: firstBytes, output, at, hasher, signal });

  // 4. The CMS message covers the CodeDirectory, which covers the signature's size.
  let codeDirectory = encodeCodeDirectory(facts, hasher.hashes());
  let message = await cms(codeDirectory);
  while (fixedBytes + blobOverhead(message) > signatureBytes) {
    signatureBytes = alignUp(fixedBytes + blobOverhead(message) + CMS_ROOM_BYTES, SIGNATURE_SIZE_ALIGNMENT);
    first.set(headerWithSignature(machO, oldHeader, codeLimit, signatureBytes));
    hasher.replaceFirst(first);
    await writeAll(output, first, at);
    codeDirectory = encodeCodeDirectory(facts, hasher.hashes());
    message = await cms(codeDirectory);
  }

  // 5. SuperBlob, and zeros up to the size that the header says.
  const superBlob = encodeSuperBlob([
    { slot: SLOT.codeDirectory, bytes: codeDirectory },
    ...blobs,
    { slot: SLOT.cms, bytes: encodeBlob(CMS_WRAPPER_MAGIC, message) },
  ]);
  const padded = new Uint8Array(signatureBytes);
  padded.set(superBlob);
  await writeAll(output, padded, at + codeLimit);
  return {
    slice: { architecture: machO.architecture, cdHash: cdHashOf(codeDirectory) },
    size: codeLimit + signatureBytes,
  };
}

function blobOverhead(message: Uint8Array): number {
  return message.length + 8;
}

interface PageStream {
  readonly input: ByteRange;
  readonly contentBytes: number;
  readonly codeLimit: number;
  readonly from: number;
  readonly output: FileHandle;
  /** Where the slice begins in the output. */
  readonly at: number;
  readonly hasher: PageHasher;
  readonly signal: AbortSignal | undefined;
}

/**
 * Copies and hashes `from` up to `codeLimit`. Three buffers take turns, so that
 * one is read and one written while the third is hashed.
 */
async function streamPages(stream: PageStream): Promise<void> {
  const { from, codeLimit, output, at, hasher, signal } = stream;
  const lanes = Array.from({ length: LANES }, () => ({
    buffer: new Uint8Array(PIECE_BYTES),
    written: Promise.resolve(),
  }));
  const laneOf = (offset: number) => lanes[((offset - from) / PIECE_BYTES) % LANES];
  const fetchPiece = async (offset: number): Promise<Uint8Array> => {
    const lane = laneOf(offset);
    if (lane === undefined || offset >= codeLimit) return new Uint8Array(0);
    await lane.written;
    return readPiece(stream, offset, lane.buffer);
  };
  let next = fetchPiece(from);
  try {
    for (let offset = from; offset < codeLimit; offset += PIECE_BYTES) {
      signal?.throwIfAborted();
      const piece = await next;
      next = fetchPiece(offset + PIECE_BYTES);
      const written = writeAll(output, piece, at + offset);
      // A failure is thrown where the lane is awaited; until then it must not count as unhandled.
      for (const pending of [next, written]) pending.catch(() => undefined);
      const lane = laneOf(offset);
      if (lane !== undefined) lane.written = written;
      hasher.update(piece);
    }
  } finally {
    await Promise.all([next, ...lanes.map(({ written }) => written)]);
  }
}

/** The bytes at `offset`, zeros after the content up to the code limit. */
async function readPiece(
  { input, contentBytes, codeLimit }: PageStream,
  offset: number,
  into: Uint8Array,
): Promise<Uint8Array> {
  const piece = into.subarray(0, Math.min(into.length, codeLimit - offset));
  const stored = Math.max(0, Math.min(piece.length, contentBytes - offset));
  if (stored > 0) await input.read(offset, stored, piece);
  piece.fill(0, stored);
  return piece;
}

async function writeAll(output: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await output.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}
