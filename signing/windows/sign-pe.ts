/**
 * Signs a Windows program: one pass that copies and hashes, one CMS signature,
 * then the certificate table, its directory entry and, last of all, the
 * checksum. Memory does not grow with the file. What follows the sections (a
 * self-extractor's payload) stays and is covered by the digest.
 */
import type { FileHandle } from "node:fs/promises";
import { ErthError } from "../../runtime/base/errors.ts";
import { parseSignedData } from "../cms/parse-signed-data.ts";
import { createSignedData } from "../cms/signed-data.ts";
import { type DigestName, imageDigest, type ImageDigest, requireHashable } from "./authenticode.ts";
import { authenticodeRequest, type AuthenticodeSettings, opusInfoOf } from "./authenticode-request.ts";
import { certificateTablePlace, encodeCertificateTable, parseCertificateTable } from "./certificate-table.ts";
import { digestNameOf } from "./digest-name.ts";
import { forEachPiece, openPe, readBytes, readPe, replaceFile, writeBytes } from "./image-file.ts";
import { nestSignature, withoutPadding } from "./nested-signature.ts";
import { certificateEntryOffset, type Pe } from "./pe.ts";
import { damagedTable } from "./pe-errors.ts";
import { encodePeIndirectData, parseIndirectData } from "./spc.ts";

export interface SignPeRequest extends AuthenticodeSettings {
  /** Absolute paths; they may be the same. */
  readonly input: string;
  readonly output: string;
  /** Adds a second signature inside the existing one instead of replacing it. */
  readonly append?: boolean;
}

export interface SignedPe {
  /** The image's SHA-256 Authenticode digest, hex. */
  readonly digest: string;
  /** What became of an earlier signature. */
  readonly earlier: "none" | "replaced" | "kept";
  readonly isTimestamped: boolean;
  /** DER, leaf first. */
  readonly certificates: readonly Uint8Array[];
}

/**
 * Writes the signed program to `output`, whole or not at all. Throws `PE_…`
 * for files that cannot be signed, `KEY_…`, `CERTIFICATE_…` and `TIMESTAMP_…`
 * as `createSignedData` does, and `PE_CHANGED` where the input was written to meanwhile.
 */
export async function signPe(request: SignPeRequest): Promise<SignedPe> {
  const { input, output, signal } = request;
  const opusInfo = opusInfoOf(request);
  const file = await openPe(input);
  try {
    const before = await file.stat();
    const pe = await readPe(file);
    const entryOffset = certificateEntryOffset(pe);
    requireHashable(pe);
    const existing = await existingSignature(file, pe);
    const outer = request.append ? existing.outer : undefined;
    let result: SignedPe | undefined;

    await replaceFile(output, before.mode, async (target) => {
      const names = new Set<DigestName>(["sha256", ...(outer ? [outer.digestName] : [])]);
      const image = imageDigest(pe, [...names]);
      const copy = (piece: Uint8Array, offset: number): Promise<void> => {
        // The write runs beside the hash.
        const written = writeBytes(target, piece, offset);
        image.update(piece);
        return written;
      };
      await forEachPiece(file, { offset: 0, length: existing.imageBytes }, copy, signal);
      const padding = image.pad();
      const after = await file.stat();
      if (after.size !== before.size || after.mtimeMs !== before.mtimeMs) throw changed(input);
      if (outer) requireIntact(outer, image);

      const sha256 = image.digest("sha256");
      // The disk works while the key and the timestamp authority do.
      const [signed] = await Promise.all([
        createSignedData(
          authenticodeRequest(request, encodePeIndirectData(sha256), opusInfo, { file: input, kind: "pe" }),
        ),
        target.datasync(),
      ]);
      const signature = outer ? nestSignature(outer.der, signed.der) : signed.der;
      const table = encodeCertificateTable(signature);
      const offset = existing.imageBytes + padding;
      await writeBytes(target, new Uint8Array(padding), existing.imageBytes);
      await writeBytes(target, table, offset);
      await writeBytes(target, uint32s(offset, table.length), entryOffset);
      await writeBytes(target, uint32s(image.checksum({ offset, bytes: table })), pe.checksumOffset);
      signal?.throwIfAborted();
      result = {
        digest: Buffer.from(sha256).toString("hex"),
        earlier: outer ? "kept" : existing.isSigned ? "replaced" : "none",
        isTimestamped: request.timestampUrl !== null,
        certificates: signed.certificates,
      };
    });
    if (!result) throw new Error("nothing was signed");
    return result;
  } finally {
    await file.close();
  }
}

interface OuterSignature {
  readonly der: Uint8Array;
  readonly digestName: DigestName;
  readonly digest: Uint8Array;
}

interface ExistingSignature {
  /** The file's length without certificate table. */
  readonly imageBytes: number;
  readonly isSigned: boolean;
  /** Undefined where it is not signed. */
  readonly outer: OuterSignature | undefined;
}

/** The signature that is there. A table in a doubtful state is refused, since cutting it off might cut a payload. */
async function existingSignature(file: FileHandle, pe: Pe): Promise<ExistingSignature> {
  const { place, faults } = certificateTablePlace(pe);
  const [fault] = faults;
  if (fault !== undefined) throw damagedTable(fault);
  if (!place) return { imageBytes: pe.fileBytes, isSigned: false, outer: undefined };
  const table = parseCertificateTable(await readBytes(file, place.offset, place.length));
  const [tableFault] = table.faults;
  if (tableFault !== undefined) throw damagedTable(tableFault);
  const [entry, ...more] = table.entries;
  if (!entry || more.length > 0) throw damagedTable(`its table has ${table.entries.length} entries, not one`);
  const der = withoutPadding(entry.content);
  const { content } = parseSignedData(der);
  const { digestOid, digest } = parseIndirectData(content?.bytes ?? new Uint8Array());
  const digestName = digestNameOf(digestOid);
  if (!digestName) throw damagedTable(`its digest algorithm ${digestOid} is not known`);
  return { imageBytes: place.offset, isSigned: true, outer: { der, digestName, digest } };
}

function requireIntact(outer: OuterSignature, image: ImageDigest): void {
  const actual = image.digest(outer.digestName);
  if (Buffer.compare(actual, outer.digest) === 0) return;
  const found = Buffer.from(actual).toString("hex");
  throw damagedTable(`it is for another file (${outer.digestName} ${hex(outer.digest)}, this one has ${found})`);
}

function changed(path: string): ErthError {
  return new ErthError({
    code: "PE_CHANGED",
    message: `${path} was written to while it was being signed.`,
    remedy: "wait until the build has finished, then: erth sign",
  });
}

function uint32s(...values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, index * 4);
  return bytes;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
