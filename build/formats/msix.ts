/**
 * An app package of Windows (`.msix`): a zip of the app's files, its manifest,
 * its block map and the types of its parts, in this order and without a
 * signature. Files are deflated block by block, so that Windows can check and
 * fetch each block alone. Follows "App packages and deployment" and "Package
 * block map schema reference" (Microsoft), and the zip that its MSIX SDK reads.
 *
 * Windows installs it once it is signed by a certificate that it trusts
 * (`signing/windows/sign-msix.ts`); the Store takes it as it is and signs it.
 */
import { createHash } from "node:crypto";
import { BLOCK_BYTES, type MappedFile, renderBlockMap } from "./block-map.ts";
import { type Deflate, DEFLATE_END } from "./deflate-run.ts";
import { CONTENT_TYPES_NAME, encodePartName, renderContentTypes } from "./opc.ts";
import { packFile, readAgain, type Source } from "./packed-file.ts";
import type { Sink } from "./sink.ts";
import type { PackedPart } from "./zip-file.ts";
import { ZIP_DEFLATED, ZIP_STORED } from "./zip-records.ts";
import { zipWriter, type ZipWriter } from "./zip-writer.ts";

export const MANIFEST_NAME = "AppxManifest.xml";
export const BLOCK_MAP_NAME = "AppxBlockMap.xml";
export const SIGNATURE_NAME = "AppxSignature.p7x";
export const SIGNATURE_TYPE = "application/vnd.ms-appx.signature";
const MANIFEST_TYPE = "application/vnd.ms-appx.manifest+xml";
const BLOCK_MAP_TYPE = "application/vnd.ms-appx.blockmap+xml";

/** A file of the package; its path is "/" separated. */
export type MsixFile = { readonly path: string } & Source;

export interface MsixRequest {
  /** The app's own files and the logos, without the manifest. */
  readonly files: readonly MsixFile[];
  /** Text of AppxManifest.xml. */
  readonly manifest: string;
  readonly deflate: Deflate;
  readonly signal: AbortSignal;
  /** Told what each piece of a file came to; compressed bytes sum up to the files' data. */
  readonly onPacked?: (packed: PackedPart) => void;
}

/** Appends the package. Names are checked before, by `msixNameFaults`. Throws `FILE_CHANGED`. */
export async function writeMsix(sink: Sink, request: MsixRequest): Promise<void> {
  const zip = zipWriter(sink);
  const mapped: MappedFile[] = [];
  const manifest = { path: MANIFEST_NAME, ...bytesOf(request.manifest) };
  for (const file of [...request.files, manifest]) {
    request.signal.throwIfAborted();
    mapped.push(await addPart(zip, encodePartName(file.path), file, request));
  }
  const paths = [...mapped.map(({ path }) => path), BLOCK_MAP_NAME];
  const types = { [MANIFEST_NAME]: MANIFEST_TYPE, [BLOCK_MAP_NAME]: BLOCK_MAP_TYPE };
  const quiet = { deflate: request.deflate, signal: request.signal };
  await addPart(zip, BLOCK_MAP_NAME, { path: BLOCK_MAP_NAME, ...bytesOf(renderBlockMap(mapped)) }, quiet);
  const contentTypes = bytesOf(renderContentTypes(paths, types));
  await addPart(zip, CONTENT_TYPES_NAME, { path: CONTENT_TYPES_NAME, ...contentTypes }, quiet);
  await zip.end();
}

function bytesOf(text: string): { readonly content: Uint8Array; readonly bytes: number } {
  const content = Buffer.from(text);
  return { content, bytes: content.length };
}

async function addPart(
  zip: ZipWriter,
  name: string,
  file: MsixFile,
  { deflate, signal, onPacked }: Pick<MsixRequest, "deflate" | "signal" | "onPacked">,
): Promise<MappedFile> {
  const { path, bytes } = file;
  const hashes: Buffer[] = [];
  const packed = await packFile(file, {
    deflate,
    blockBytes: BLOCK_BYTES,
    signal,
    onPiece: ({ raw }) => {
      for (let at = 0; at < raw.length; at += BLOCK_BYTES) {
        hashes.push(
          createHash("sha256")
            .update(raw.subarray(at, at + BLOCK_BYTES))
            .digest(),
        );
      }
    },
  });
  const compressedBytes = packed.compressedBytes + DEFLATE_END.length;
  const isStored = compressedBytes >= bytes;
  const facts = { name, bytes, crc32: packed.crc32, mode: undefined };
  const localHeaderBytes = isStored
    ? await zip.add({ ...facts, method: ZIP_STORED, compressedBytes: bytes }, readAgain(file, packed.crc32))
    : await zip.add({ ...facts, method: ZIP_DEFLATED, compressedBytes }, deflated());
  for (const { offset, bytes: raw, run } of packed.pieces) {
    const isLast = offset + raw === bytes;
    const length = isStored ? raw : run.length + (isLast ? DEFLATE_END.length : 0);
    onPacked?.({ name: path, offset, bytes: raw, compressedBytes: length });
  }
  const blockBytes = packed.pieces.flatMap(({ run }) => run.blocks);
  const blocks = hashes.map((hash, at) => ({ hash, compressedBytes: isStored ? undefined : blockBytes[at] }));
  return { path, bytes, localHeaderBytes, blocks };

  async function* deflated(): AsyncGenerator<Uint8Array> {
    for (const { run } of packed.pieces) yield* run.read();
    yield DEFLATE_END;
  }
}
