/**
 * Writes RPM's header structure: tags with values, an index over a store of data
 * (`lib/header.c` of rpm 4.18; "Package format V4" of its manual). A file has
 * two: signatures, and the main header. Both are one region, which signatures
 * and digests cover as it is.
 *
 *    0  8  8E AD E8 01 00 00 00 00
 *    8  4  number of index entries
 *   12  4  length of the store
 *   16     index entries of 16 bytes: tag, type, offset in the store, count
 *          the store
 *
 * Everything is big endian. The first entry names the region: its data, the
 * last 16 bytes of the store, looks like an index entry whose offset leads
 * back over the region's index.
 */
import { RPM_TYPE } from "./rpm-tags.ts";

const MAGIC = Buffer.from("8eade80100000000", "hex");
const ENTRY_BYTES = 16;

export type RpmValue =
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "i18n"; readonly value: string }
  | { readonly type: "strings"; readonly value: readonly string[] }
  | { readonly type: "int16" | "int32"; readonly value: readonly number[] }
  | { readonly type: "int64"; readonly value: readonly bigint[] }
  | { readonly type: "binary"; readonly value: Uint8Array };

export type RpmTags = ReadonlyMap<number, RpmValue>;

const CODES: Readonly<Record<RpmValue["type"], number>> = {
  string: RPM_TYPE.STRING,
  i18n: RPM_TYPE.I18NSTRING,
  strings: RPM_TYPE.STRING_ARRAY,
  int16: RPM_TYPE.INT16,
  int32: RPM_TYPE.INT32,
  int64: RPM_TYPE.INT64,
  binary: RPM_TYPE.BIN,
};
const ALIGNMENT: Readonly<Partial<Record<RpmValue["type"], number>>> = { int16: 2, int32: 4, int64: 8 };

/** A header of one region, whose tag is `region`; tags in ascending order. */
export function encodeRpmHeader(region: number, tags: RpmTags): Buffer {
  const index: Buffer[] = [];
  const store: Buffer[] = [];
  let length = 0;
  const append = (bytes: Buffer, alignment = 1): number => {
    const gap = (alignment - (length % alignment)) % alignment;
    store.push(Buffer.alloc(gap), bytes);
    length += gap + bytes.length;
    return length - bytes.length;
  };
  for (const [tag, value] of [...tags].sort(([a], [b]) => a - b)) {
    const { bytes, count } = encodeValue(value);
    index.push(entry(tag, CODES[value.type], append(bytes, ALIGNMENT[value.type]), count));
  }
  const count = index.length + 1;
  const trailer = append(entry(region, RPM_TYPE.BIN, -count * ENTRY_BYTES, ENTRY_BYTES));
  const intro = Buffer.concat([MAGIC, Buffer.alloc(8)]);
  intro.writeUInt32BE(count, 8);
  intro.writeUInt32BE(length, 12);
  return Buffer.concat([intro, entry(region, RPM_TYPE.BIN, trailer, ENTRY_BYTES), ...index, ...store]);
}

function entry(tag: number, type: number, offset: number, count: number): Buffer {
  const bytes = Buffer.alloc(ENTRY_BYTES);
  bytes.writeUInt32BE(tag, 0);
  bytes.writeUInt32BE(type, 4);
  bytes.writeInt32BE(offset, 8);
  bytes.writeUInt32BE(count, 12);
  return bytes;
}

function encodeValue(tagged: RpmValue): { readonly bytes: Buffer; readonly count: number } {
  if (tagged.type === "string" || tagged.type === "i18n") return { bytes: Buffer.from(`${tagged.value}\0`), count: 1 };
  const count = tagged.value.length;
  if (tagged.type === "strings") {
    return { bytes: Buffer.from(tagged.value.map((text) => `${text}\0`).join("")), count };
  }
  if (tagged.type === "binary") return { bytes: Buffer.from(tagged.value), count };
  if (tagged.type === "int64") {
    const bytes = Buffer.alloc(count * 8);
    for (const [at, number] of tagged.value.entries()) bytes.writeBigUInt64BE(number, at * 8);
    return { bytes, count };
  }
  const size = tagged.type === "int16" ? 2 : 4;
  const bytes = Buffer.alloc(count * size);
  for (const [at, number] of tagged.value.entries()) bytes.writeUIntBE(number, at * size, size);
  return { bytes, count };
}
