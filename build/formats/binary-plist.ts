/** Binary property lists, version 00, as CoreFoundation's `CFBinaryPList.c` describes them: the values that the Finder's settings need. */

/** A number is a real of 64 bits, a bigint an integer; keys keep the order of the object. */
export type BinaryPlistValue =
  | string
  | number
  | bigint
  | boolean
  | Uint8Array
  | { readonly [key: string]: BinaryPlistValue };

const MAGIC = "bplist00";
const TRAILER_BYTES = 32;
const MARKER = { false: 0x08, true: 0x09, int: 0x10, real: 0x23, data: 0x40, ascii: 0x50, utf16: 0x60, dict: 0xd0 };
const LONG = 0x0f;
const INT64_LOG = 3;

/** The whole property list. At most 255 objects, which a window's settings never have. */
export function encodeBinaryPlist(value: BinaryPlistValue): Buffer {
  const objects: Buffer[] = [];
  const add = (item: BinaryPlistValue): number => {
    const number = objects.length;
    objects.push(Buffer.alloc(0));
    if (number > 0xff) throw new Error("a binary property list of more than 255 objects");
    objects[number] = encodeObject(item, add);
    return number;
  };
  add(value);

  const offsets = Buffer.alloc(4 * objects.length);
  let at = MAGIC.length;
  for (const [number, object] of objects.entries()) {
    offsets.writeUInt32BE(at, 4 * number);
    at += object.length;
  }
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer[6] = 4; // bytes of an offset
  trailer[7] = 1; // bytes of a reference
  trailer.writeBigUInt64BE(BigInt(objects.length), 8);
  trailer.writeBigUInt64BE(BigInt(at), 24);
  return Buffer.concat([Buffer.from(MAGIC, "latin1"), ...objects, offsets, trailer]);
}

function encodeObject(value: BinaryPlistValue, add: (value: BinaryPlistValue) => number): Buffer {
  if (typeof value === "boolean") return Buffer.of(value ? MARKER.true : MARKER.false);
  if (typeof value === "bigint") return encodeInt(value);
  if (typeof value === "number") {
    const real = Buffer.alloc(9);
    real[0] = MARKER.real;
    real.writeDoubleBE(value, 1);
    return real;
  }
  if (typeof value === "string") {
    // oxlint-disable-next-line no-control-regex -- all of ASCII is meant
    if (/^[\0-\x7f]*$/.test(value))
      return Buffer.concat([head(MARKER.ascii, value.length), Buffer.from(value, "latin1")]);
    return Buffer.concat([head(MARKER.utf16, value.length), Buffer.from(value, "utf16le").swap16()]);
  }
  if (value instanceof Uint8Array) return Buffer.concat([head(MARKER.data, value.length), value]);
  const entries = Object.entries(value);
  const keys = entries.map(([key]) => add(key));
  const values = entries.map(([, item]) => add(item));
  return Buffer.concat([head(MARKER.dict, entries.length), Buffer.from([...keys, ...values])]);
}

/** The kind and a count, which follows as an integer from 15 on. */
function head(marker: number, count: number): Buffer {
  return count < LONG ? Buffer.of(marker | count) : Buffer.concat([Buffer.of(marker | LONG), encodeInt(BigInt(count))]);
}

function encodeInt(value: bigint): Buffer {
  const int = Buffer.alloc(9);
  int[0] = MARKER.int | INT64_LOG;
  int.writeBigInt64BE(value, 1);
  return int;
}
