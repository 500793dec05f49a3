/**
 * The attribute certificate table: where it lies in a file, and the
 * WIN_CERTIFICATE entries in it. Follows Microsoft's "PE Format", "The
 * Attribute Certificate Table", and for what Windows refuses in addition the
 * strict checks of KB2915720 (no bytes hidden behind a signature).
 */
import { DIRECTORY, type Pe } from "./pe.ts";

export interface CertificateEntry {
  /** In the table. */
  readonly offset: number;
  /** dwLength, as stored. */
  readonly length: number;
  readonly revision: number;
  readonly type: number;
  /** bCertificate: dwLength without the eight bytes of its header, padding included. */
  readonly content: Uint8Array;
}

export interface CertificateTable {
  readonly entries: readonly CertificateEntry[];
  /** Sentences without a full stop: what is wrong with the table; empty for a sound one. */
  readonly faults: readonly string[];
}

/** Entries, and the table itself, are aligned to this. */
export const TABLE_ALIGNMENT = 8;
/** No signature needs more; a larger table is not read. */
export const MAX_TABLE_BYTES = 16 << 20;

const HEADER_BYTES = 8;
const REVISION_2 = 0x0200;
const PKCS_SIGNED_DATA = 0x0002;
const MAX_ENTRIES = 64;

export interface TablePlace {
  /** File offset and length; undefined for an unsigned file, and where the entry is nonsense. */
  readonly place: { readonly offset: number; readonly length: number } | undefined;
  /** As in `CertificateTable`. */
  readonly faults: readonly string[];
}

/** Where the table lies, by its directory entry, and what is wrong with that. */
export function certificateTablePlace(pe: Pe): TablePlace {
  const entry = pe.directories[DIRECTORY.certificate];
  if (entry === undefined || (entry.address === 0 && entry.size === 0)) return { place: undefined, faults: [] };
  const { address: offset, size: length } = entry;
  const end = offset + length;
  const where = `the certificate table's entry says ${length} bytes at offset ${offset}`;
  if (offset === 0 || length === 0) return { place: undefined, faults: [`${where}: half an entry`] };
  if (offset < pe.imageEnd)
    return { place: undefined, faults: [`${where}, inside the image, which ends at ${pe.imageEnd}`] };
  if (end > pe.fileBytes) return { place: undefined, faults: [`${where}, beyond the file's ${pe.fileBytes} bytes`] };
  if (length > MAX_TABLE_BYTES) return { place: undefined, faults: [`${where}, more than ${MAX_TABLE_BYTES}`] };
  const faults: string[] = [];
  if (offset % TABLE_ALIGNMENT !== 0) faults.push(`${where}, which is not a multiple of ${TABLE_ALIGNMENT}`);
  if (end < pe.fileBytes) faults.push(`${pe.fileBytes - end} bytes follow the certificate table`);
  return { place: { offset, length }, faults };
}

/** Takes a table apart; never throws. */
export function parseCertificateTable(table: Uint8Array): CertificateTable {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const entries: CertificateEntry[] = [];
  const faults: string[] = [];
  let at = 0;
  while (at < table.length) {
    if (entries.length === MAX_ENTRIES) {
      faults.push(`the certificate table has more than ${MAX_ENTRIES} entries`);
      break;
    }
    const name = `entry ${entries.length} of the certificate table`;
    const length = at + HEADER_BYTES <= table.length ? view.getUint32(at, true) : 0;
    if (length < HEADER_BYTES || at + length > table.length) {
      faults.push(`${name} has ${length} bytes, and ${table.length - at} are left`);
      break;
    }
    const entry = {
      offset: at,
      length,
      revision: view.getUint16(at + 4, true),
      type: view.getUint16(at + 6, true),
      content: table.subarray(at + HEADER_BYTES, at + length),
    };
    entries.push(entry);
    if (entry.revision !== REVISION_2) faults.push(`${name} has revision 0x${entry.revision.toString(16)}, not 0x200`);
    if (entry.type !== PKCS_SIGNED_DATA) faults.push(`${name} is of type ${entry.type}, not a PKCS #7 signature`);
    const end = at + length;
    at = alignUp(end, TABLE_ALIGNMENT);
    if (table.subarray(end, at).some((byte) => byte !== 0)) faults.push(`the padding of ${name} is not zero`);
  }
  // The last entry may only be short of its alignment where the table is too, and Windows wants neither.
  if (at > table.length)
    faults.push(`the certificate table has ${table.length} bytes, not a multiple of ${TABLE_ALIGNMENT}`);
  if (table.length === 0) faults.push("the certificate table is empty");
  return { entries, faults };
}

/** A table of one PKCS #7 signature; dwLength counts the padding, which is what Windows' own tools write. */
export function encodeCertificateTable(signedData: Uint8Array): Uint8Array {
  const table = new Uint8Array(alignUp(HEADER_BYTES + signedData.length, TABLE_ALIGNMENT));
  const view = new DataView(table.buffer);
  view.setUint32(0, table.length, true);
  view.setUint16(4, REVISION_2, true);
  view.setUint16(6, PKCS_SIGNED_DATA, true);
  table.set(signedData, HEADER_BYTES);
  return table;
}

/** The next multiple of a power of two. */
export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}
