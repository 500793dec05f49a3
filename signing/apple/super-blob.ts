/**
 * The SuperBlob: the container of everything in a code signature, and the
 * blobs inside, each with its own magic and length. Big endian. Follows
 * `cs_blobs.h` of Apple's kernel.
 */
import { boundedView } from "../../build/formats/bounded-view.ts";
import { signatureMalformed } from "./mach-o-errors.ts";

export const EMBEDDED_SIGNATURE_MAGIC = 0xfade0cc0;
export const CODE_DIRECTORY_MAGIC = 0xfade0c02;
export const REQUIREMENT_MAGIC = 0xfade0c00;
export const REQUIREMENTS_MAGIC = 0xfade0c01;
export const ENTITLEMENTS_MAGIC = 0xfade7171;
export const ENTITLEMENTS_DER_MAGIC = 0xfade7172;
const LAUNCH_CONSTRAINT_MAGIC = 0xfade8181;
export const CMS_WRAPPER_MAGIC = 0xfade0b01;

/** What a blob is for; the numbers below 16 are also special slots, negated. */
export const SLOT = {
  codeDirectory: 0,
  infoPlist: 1,
  requirements: 2,
  codeResources: 3,
  entitlements: 5,
  diskImageTrailer: 6,
  entitlementsDer: 7,
  alternateCodeDirectory: 0x1000,
  cms: 0x10000,
  ticket: 0x10002,
} as const;

/** The magic of each kind of blob; launch constraints (8 to 11) are DER like entitlements, under their own magic. */
const SLOT_MAGIC: Readonly<Record<number, number>> = {
  [SLOT.codeDirectory]: CODE_DIRECTORY_MAGIC,
  [SLOT.requirements]: REQUIREMENTS_MAGIC,
  [SLOT.entitlements]: ENTITLEMENTS_MAGIC,
  [SLOT.entitlementsDer]: ENTITLEMENTS_DER_MAGIC,
  8: LAUNCH_CONSTRAINT_MAGIC,
  9: LAUNCH_CONSTRAINT_MAGIC,
  10: LAUNCH_CONSTRAINT_MAGIC,
  11: LAUNCH_CONSTRAINT_MAGIC,
  [SLOT.cms]: CMS_WRAPPER_MAGIC,
};

/** The magic that a blob in this slot must have; undefined for a slot that no code signature has. */
export function magicOfSlot(slot: number): number | undefined {
  const isAlternate = slot >= SLOT.alternateCodeDirectory && slot < SLOT.alternateCodeDirectory + MAX_ALTERNATES;
  return isAlternate ? CODE_DIRECTORY_MAGIC : SLOT_MAGIC[slot];
}

/** Alternate CodeDirectories have the slots from 0x1000 on, at most this many. */
export const MAX_ALTERNATES = 5;
const BLOB_HEADER_BYTES = 8;
const SUPER_BLOB_HEADER_BYTES = 12;
const INDEX_ENTRY_BYTES = 8;
const MAX_BLOBS = 64;

export interface SignatureBlob {
  readonly slot: number;
  readonly magic: number;
  /** The whole blob, its magic and length included: this is what special slots hash. */
  readonly bytes: Uint8Array;
}

/** A blob's magic and length before its content. */
export function encodeBlob(magic: number, content: Uint8Array): Uint8Array {
  const blob = new Uint8Array(BLOB_HEADER_BYTES + content.length);
  const view = new DataView(blob.buffer);
  view.setUint32(0, magic);
  view.setUint32(4, blob.length);
  blob.set(content, BLOB_HEADER_BYTES);
  return blob;
}

/** What follows a blob's magic and length. */
export function blobContent(blob: Uint8Array): Uint8Array {
  return blob.subarray(BLOB_HEADER_BYTES);
}

/** A SuperBlob of these blobs in the order given, which is by slot. */
export function encodeSuperBlob(blobs: readonly { readonly slot: number; readonly bytes: Uint8Array }[]): Uint8Array {
  const length = superBlobBytes(blobs.map(({ bytes }) => bytes.length));
  const out = new Uint8Array(length);
  const view = new DataView(out.buffer);
  view.setUint32(0, EMBEDDED_SIGNATURE_MAGIC);
  view.setUint32(4, length);
  view.setUint32(8, blobs.length);
  let at = SUPER_BLOB_HEADER_BYTES + blobs.length * INDEX_ENTRY_BYTES;
  for (const [index, { slot, bytes }] of blobs.entries()) {
    view.setUint32(SUPER_BLOB_HEADER_BYTES + index * INDEX_ENTRY_BYTES, slot);
    view.setUint32(SUPER_BLOB_HEADER_BYTES + index * INDEX_ENTRY_BYTES + 4, at);
    out.set(bytes, at);
    at += bytes.length;
  }
  return out;
}

/** The length of a SuperBlob whose blobs have these lengths. */
export function superBlobBytes(blobLengths: readonly number[]): number {
  const content = blobLengths.reduce((sum, length) => sum + length, 0);
  return SUPER_BLOB_HEADER_BYTES + blobLengths.length * INDEX_ENTRY_BYTES + content;
}

/**
 * The blobs of a signature. `bytes` may go on after it: linkers and `codesign`
 * leave room. Throws `CODESIGN_MALFORMED` where blobs overlap, lie outside or
 * share a slot.
 */
export function parseSuperBlob(bytes: Uint8Array, magic = EMBEDDED_SIGNATURE_MAGIC): readonly SignatureBlob[] {
  const outer = boundedView(bytes, "big", signatureMalformed);
  const found = outer.u32(0, "its magic");
  if (found !== magic) throw signatureMalformed(`it begins with ${found.toString(16)}, not ${magic.toString(16)}`);
  const view = boundedView(outer.bytes(0, outer.u32(4, "its length"), "the signature"), "big", signatureMalformed);
  const count = view.u32(8, "its index");
  if (count > MAX_BLOBS) throw signatureMalformed(`its index has ${count} entries`);
  const places: { readonly start: number; readonly end: number }[] = [
    { start: 0, end: SUPER_BLOB_HEADER_BYTES + count * INDEX_ENTRY_BYTES },
  ];
  const blobs: SignatureBlob[] = [];
  for (let index = 0; index < count; index += 1) {
    const at = SUPER_BLOB_HEADER_BYTES + index * INDEX_ENTRY_BYTES;
    const slot = view.u32(at, "its index");
    const start = view.u32(at + 4, "its index");
    const what = `the blob of slot 0x${slot.toString(16)}`;
    const length = view.u32(start + 4, what);
    if (length < BLOB_HEADER_BYTES) throw signatureMalformed(`${what} has ${length} bytes`);
    if (blobs.some((blob) => blob.slot === slot))
      throw signatureMalformed(`slot 0x${slot.toString(16)} is there twice`);
    blobs.push({ slot, magic: view.u32(start, what), bytes: view.bytes(start, length, what) });
    places.push({ start, end: start + length });
  }
  places.sort((a, b) => a.start - b.start);
  if (places.some(({ start }, index) => start < (places[index - 1]?.end ?? 0))) {
    throw signatureMalformed("two of its blobs overlap");
  }
  return blobs;
}
