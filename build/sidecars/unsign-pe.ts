/**
 * Takes the vendor's Authenticode signature off a Windows program that is
 * about to be changed. Injection would leave the certificate table's entry
 * pointing into other bytes, and signing tools call such a file corrupt.
 * Follows the PE format, "Attribute Certificate Table" and "Optional Header".
 */
import { copyFile, open, truncate } from "node:fs/promises";
import { ErthError } from "../../runtime/base/errors.ts";

/** DOS header, PE header and optional header lie within the first page of every linker's output. */
const HEAD_BYTES = 4096;
const PE32_PLUS = 0x20b;
const CHECKSUM_FIELD = 64;
const CERTIFICATE_ENTRY = 112 + 4 * 8;

/** Where the fields are in a PE head, and where the certificate table is. Throws `PE_MALFORMED`. */
export function signatureOf(head: Uint8Array): {
  readonly checksumAt: number;
  readonly entryAt: number;
  readonly offset: number;
  readonly length: number;
} {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.length < 64 || view.getUint16(0, false) !== 0x4d5a) throw malformed("it has no DOS header");
  const pe = view.getUint32(0x3c, true);
  const optional = pe + 24;
  if (optional + CERTIFICATE_ENTRY + 8 > head.length || view.getUint32(pe, false) !== 0x5045_0000) {
    throw malformed(`it has no PE header at ${pe}`);
  }
  if (view.getUint16(optional, true) !== PE32_PLUS) throw malformed("it is not a 64-bit program");
  const entryAt = optional + CERTIFICATE_ENTRY;
  return {
    checksumAt: optional + CHECKSUM_FIELD,
    entryAt,
    offset: view.getUint32(entryAt, true),
    length: view.getUint32(entryAt + 4, true),
  };
}

/** Writes an unsigned copy of `from` to `to`. */
export async function unsignPe(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  const file = await open(to, "r+");
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const { checksumAt, entryAt, offset, length } = signatureOf(buffer.subarray(0, bytesRead));
    await file.write(Buffer.alloc(8), 0, 8, entryAt);
    // Zero means "not computed"; the old sum would be wrong, and signing writes a new one.
    await file.write(Buffer.alloc(4), 0, 4, checksumAt);
    const { size } = await file.stat();
    if (length > 0 && offset + length === size) await truncate(to, offset);
  } finally {
    await file.close();
  }
}

function malformed(reason: string): ErthError {
  return new ErthError({
    code: "PE_MALFORMED",
    message: `This Windows program is damaged: ${reason}.`,
    remedy: "get the file again: erth lock",
  });
}
