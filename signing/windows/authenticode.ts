/**
 * The Authenticode digest of a PE image, streamed, with the checksum in the
 * same pass. Follows "Windows Authenticode Portable Executable Signature
 * Format" (2008), §"Calculating the PE Image Hash"; the steps carry its
 * numbers.
 *
 * Steps 8 to 13 hash the sections in the order of their place in the file, and
 * step 14 what follows them. Where sections follow each other without a gap,
 * which `requireHashable` asks for, that is the file from front to back.
 */
import { createHash, type Hash } from "node:crypto";
import { certificateEntryOffset, DIRECTORY_ENTRY_BYTES, type Pe, storedSections } from "./pe.ts";
import { peChecksum } from "./checksum.ts";
import { TABLE_ALIGNMENT } from "./certificate-table.ts";
import { unsupported } from "./pe-errors.ts";

export type DigestName = "sha1" | "sha256" | "sha384" | "sha512";

export interface ImageDigest {
  /** Adds the image's next bytes, up to where its certificate table begins. */
  update(bytes: Uint8Array): void;
  /** Zeros that pad the image to eight bytes, which both sums then include; call it after the last byte. */
  pad(): number;
  readonly digest: (name: DigestName) => Uint8Array;
  /** CheckSum of a file whose image is followed by this table (empty for none). */
  checksum(table: { readonly offset: number; readonly bytes: Uint8Array }): number;
}

/** A digest under way, of an image with these headers. */
export function imageDigest(pe: Pe, names: readonly DigestName[] = ["sha256"]): ImageDigest {
  // Step 1, 2: load the header, initialize the hash.
  const hashes = new Map<DigestName, Hash>(names.map((name) => [name, createHash(name)]));
  const sum = peChecksum();
  const holes = [
    { offset: pe.checksumOffset, length: 4 },
    { offset: certificateEntryOffset(pe), length: DIRECTORY_ENTRY_BYTES },
  ];
  let position = 0;
  const hash = (bytes: Uint8Array): void => hashes.forEach((one) => void one.update(bytes));
  const update = (bytes: Uint8Array): void => {
    const end = position + bytes.length;
    let at = position;
    let summed = bytes;
    for (const hole of holes) {
      // Steps 3 to 7: everything up to the checksum, over it, up to the table's entry, over it, the rest.
      const start = Math.min(Math.max(hole.offset, at), end);
      const stop = Math.min(Math.max(hole.offset + hole.length, at), end);
      if (start === stop) continue;
      hash(bytes.subarray(at - position, start - position));
      // Both fields count as zero in the checksum; the entry's real value is added at the end.
      summed = summed === bytes ? Uint8Array.from(bytes) : summed;
      summed.fill(0, start - position, stop - position);
      at = stop;
    }
    // Steps 8 to 14: the sections and what follows them.
    hash(bytes.subarray(at - position));
    sum.add(summed, position);
    position = end;
  };
  return {
    update,
    pad: () => {
      const length = (TABLE_ALIGNMENT - (position % TABLE_ALIGNMENT)) % TABLE_ALIGNMENT;
      if (length > 0) hash(new Uint8Array(length));
      position += length;
      return length;
    },
    digest: (name) => {
      const found = hashes.get(name);
      // Step 15: finalize the hash.
      if (!found) throw new Error(`${name} was not asked for`);
      return found.copy().digest();
    },
    checksum: ({ offset, bytes }) => {
      const entry = new DataView(new ArrayBuffer(DIRECTORY_ENTRY_BYTES));
      if (bytes.length > 0) {
        entry.setUint32(0, offset, true);
        entry.setUint32(4, bytes.length, true);
      }
      const whole = sum.copy();
      whole.add(new Uint8Array(entry.buffer), certificateEntryOffset(pe));
      whole.add(bytes, position);
      return whole.value(position + bytes.length);
    },
  };
}

/**
 * Refuses images for which hashing front to back is not hashing by section:
 * a gap before a section, or two sections over the same bytes. Throws `PE_UNSUPPORTED`.
 */
export function requireHashable(pe: Pe): void {
  const [fault] = layoutFaults(pe);
  if (fault !== undefined) throw unsupported(fault);
}

/** What `requireHashable` refuses, as sentences without a full stop. */
export function layoutFaults(pe: Pe): readonly string[] {
  const faults: string[] = [];
  let end = pe.sizeOfHeaders;
  for (const { name, rawOffset, rawBytes } of storedSections(pe)) {
    const what = `section ${JSON.stringify(name)} begins at offset ${rawOffset}`;
    if (rawOffset < end) faults.push(`${what}, inside what comes before it, which ends at ${end}`);
    if (rawOffset > end) faults.push(`${what}, ${rawOffset - end} bytes after what comes before it`);
    end = Math.max(end, rawOffset + rawBytes);
  }
  return faults;
}
