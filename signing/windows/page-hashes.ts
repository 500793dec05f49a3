/**
 * Page hashes of a signed program, which let Windows check a page when it
 * loads it: pairs of a file offset and a digest, in the SpcSerializedObject of
 * SpcPeImageData. Follows "Windows Authenticode Portable Executable Signature
 * Format" (2008), §"Page Hashes", and what `osslsigncode -ph` writes.
 */
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import type { DerNode } from "../cms/der.ts";
import { derError, parseDer } from "../cms/der.ts";
import { isContext, readOctets, readOid, sequenceOf, setOf } from "../cms/der-values.ts";
import type { DigestName } from "./authenticode.ts";
import { forEachPiece, readBytes } from "./image-file.ts";
import { certificateEntryOffset, DIRECTORY_ENTRY_BYTES, type Pe, storedSections } from "./pe.ts";

export interface PageHashes {
  readonly digestName: DigestName;
  /** Offset (4 bytes, little endian) and digest of each page, in the order of the file; the last digest is zero. */
  readonly table: Uint8Array;
}

const WHAT = "Authenticode page hashes";
/** {A6B586D5-B4A1-2466-AE05-A217DA8E60D6}: the class of a serialized object that holds attributes. */
const ATTRIBUTES_CLASS = "a6b586d5b4a12466ae05a217da8e60d6";
const DIGESTS: Readonly<Record<string, DigestName>> = {
  "1.3.6.1.4.1.311.2.3.1": "sha1",
  "1.3.6.1.4.1.311.2.3.2": "sha256",
};
const CHECKSUM_BYTES = 4;
const DIGEST_BYTES: Readonly<Record<string, number>> = { sha1: 20, sha256: 32 };

/** The page hashes in the value of SpcPeImageData; undefined where it has none. Throws `DER_INVALID`. */
export function parsePageHashes(imageData: DerNode | undefined): PageHashes | undefined {
  const file = imageData?.children.find((node) => isContext(node, 0))?.children[0];
  // SpcLink: [1] is a moniker, [2] a file's name.
  if (!isContext(file, 1)) return undefined;
  const [classId, serialized] = file.children;
  if (Buffer.from(readOctets(classId, WHAT)).toString("hex") !== ATTRIBUTES_CLASS)
    throw derError(WHAT, "they are an object of another class");
  const [attribute] = setOf(parseDer(readOctets(serialized, WHAT), { ber: true, what: WHAT }), WHAT);
  const [type, values] = sequenceOf(attribute, WHAT);
  const digestName = DIGESTS[readOid(type, WHAT)];
  if (digestName === undefined) throw derError(WHAT, `their algorithm ${readOid(type, WHAT)} is not known`);
  return { digestName, table: readOctets(setOf(values, WHAT)[0], WHAT) };
}

/** Offsets of the pages that differ from their hashes; undefined where the table is of other pages than the file's. */
export async function wrongPages(
  file: FileHandle,
  pe: Pe,
  { digestName, table }: PageHashes,
  signal?: AbortSignal,
): Promise<readonly number[] | undefined> {
  const entryBytes = 4 + (DIGEST_BYTES[digestName] ?? 0);
  const stored = new Map<number, string>();
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  if (table.length % entryBytes !== 0) return undefined;
  for (let at = 0; at < table.length; at += entryBytes) {
    stored.set(view.getUint32(at, true), Buffer.from(table.subarray(at + 4, at + entryBytes)).toString("hex"));
  }
  // Counted before anything is hashed: a page of one byte, or sections that lie over each other, would take for ever.
  const sections = storedSections(pe);
  const pages = sections.reduce((sum, { rawBytes }) => sum + Math.ceil(rawBytes / pe.sectionAlignment), 0);
  const bytes = sections.reduce((sum, { rawBytes }) => sum + rawBytes, 0);
  if (table.length !== (pages + 2) * entryBytes || bytes > pe.fileBytes) return undefined;
  const actual = await pageDigests(file, pe, digestName, signal);
  if (Array.from(actual.keys()).some((offset) => !stored.has(offset))) return undefined;
  return Array.from(actual).flatMap(([offset, digest]) => (stored.get(offset) === digest ? [] : [offset]));
}

/** The digest of each page, by its offset; what a page lacks is zero, as it is in memory. */
async function pageDigests(
  file: FileHandle,
  pe: Pe,
  digestName: DigestName,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<number, string>> {
  const pageBytes = pe.sectionAlignment;
  const digests = new Map<number, string>();
  // The headers are one page, without the two fields that signing changes; its zeros are counted as if they were there.
  const headers = await readBytes(file, 0, Math.min(pe.sizeOfHeaders, pe.fileBytes));
  const entry = certificateEntryOffset(pe);
  const headerHash = createHash(digestName)
    .update(headers.subarray(0, pe.checksumOffset))
    .update(headers.subarray(pe.checksumOffset + CHECKSUM_BYTES, entry))
    .update(headers.subarray(entry + DIRECTORY_ENTRY_BYTES))
    .update(new Uint8Array(Math.max(0, pageBytes - headers.length)));
  digests.set(0, headerHash.digest("hex"));

  let end = pe.sizeOfHeaders;
  for (const { rawOffset, rawBytes } of storedSections(pe)) {
    let [hash, filled, page] = [createHash(digestName), 0, rawOffset];
    const finish = (): void => {
      digests.set(page, hash.update(new Uint8Array(pageBytes - filled)).digest("hex"));
      [hash, filled, page] = [createHash(digestName), 0, page + pageBytes];
    };
    const add = (piece: Uint8Array): void => {
      for (let at = 0; at < piece.length;) {
        const part = piece.subarray(at, at + pageBytes - filled);
        hash.update(part);
        filled += part.length;
        at += part.length;
        if (filled === pageBytes) finish();
      }
    };
    await forEachPiece(file, { offset: rawOffset, length: rawBytes }, add, signal);
    if (filled > 0) finish();
    end = rawOffset + rawBytes;
  }
  // The last entry says where the pages end.
  return digests.set(end, "00".repeat(DIGEST_BYTES[digestName] ?? 0));
}
