/**
 * Is this a whole PNG? Portable Network Graphics, third edition (W3C, 2025),
 * §5 (chunks), §8 (interlacing) and §11 (their contents). Renderers tend to
 * draw nothing, or half a picture, where a file is broken; this check says so.
 */
import { crc32, inflateSync } from "node:zlib";
import { messageOf } from "../../runtime/base/errors.ts";

export type PngReading =
  | { readonly ok: true; readonly width: number; readonly height: number }
  /** `reason` continues the sentence "the file …". */
  | { readonly ok: false; readonly reason: string };

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** §11.2.1, table 12: colour type → samples per pixel and the depths allowed. */
const COLOUR_TYPES: Readonly<Record<number, { readonly samples: number; readonly depths: readonly number[] }>> = {
  0: { samples: 1, depths: [1, 2, 4, 8, 16] },
  2: { samples: 3, depths: [8, 16] },
  3: { samples: 1, depths: [1, 2, 4, 8] },
  4: { samples: 2, depths: [8, 16] },
  6: { samples: 4, depths: [8, 16] },
};

/** §8.1: where each pass of Adam7 starts, and how far apart its pixels are. */
const ADAM7 = [
  { x: 0, y: 0, dx: 8, dy: 8 },
  { x: 4, y: 0, dx: 8, dy: 8 },
  { x: 0, y: 4, dx: 4, dy: 8 },
  { x: 2, y: 0, dx: 4, dy: 4 },
  { x: 0, y: 2, dx: 2, dy: 4 },
  { x: 1, y: 0, dx: 2, dy: 2 },
  { x: 0, y: 1, dx: 1, dy: 2 },
];

interface Header {
  readonly width: number;
  readonly height: number;
  readonly bitsPerPixel: number;
  readonly isIndexed: boolean;
  readonly isInterlaced: boolean;
}

/** Whether the bytes begin as every PNG does. */
export function hasPngSignature(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, index) => bytes[index] === byte);
}

/**
 * Reads a PNG to its end: every checksum, the picture's exact length and its
 * filter bytes. A picture wider or higher than `maxPixels` is refused before
 * it is decompressed. Bytes behind IEND are ignored.
 */
export function readPng(bytes: Uint8Array, maxPixels: number): PngReading {
  try {
    return { ok: true, ...check(bytes, maxPixels) };
  } catch (error) {
    if (error instanceof Fault) return { ok: false, reason: error.message };
    throw error;
  }
}

class Fault extends Error {}

function check(bytes: Uint8Array, maxPixels: number): { width: number; height: number } {
  if (!hasPngSignature(bytes)) throw new Fault("is not a PNG");
  let header: Header | undefined;
  let hasPalette = false;
  let previous = "";
  const data: Uint8Array[] = [];
  for (const { type, body } of chunks(bytes)) {
    if (header === undefined) {
      if (type !== "IHDR") throw new Fault(`starts with ${type} instead of IHDR`);
      header = parseHeader(body);
      if (Math.max(header.width, header.height) > maxPixels) {
        throw new Fault(`is ${header.width} x ${header.height}, more than ${maxPixels} pixels a side`);
      }
    } else if (type === "IDAT") {
      if (data.length > 0 && previous !== "IDAT") throw new Fault("has its IDAT chunks in pieces");
      data.push(body);
    } else if (type === "PLTE") {
      if (body.length === 0 || body.length % 3 !== 0 || body.length > 768) throw new Fault("has a broken palette");
      hasPalette = true;
    } else if (type === "IEND") {
      if (header.isIndexed && !hasPalette) throw new Fault("has no palette");
      checkPicture(Buffer.concat(data), header);
      return { width: header.width, height: header.height };
    } else if (isCritical(type)) {
      throw new Fault(`has an unknown critical chunk ${JSON.stringify(type)}`);
    }
    previous = type;
  }
  throw new Fault("ends before its IEND chunk");
}

/** §5.3: length, type, body, CRC of type and body. */
function* chunks(bytes: Uint8Array): Generator<{ readonly type: string; readonly body: Uint8Array }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = SIGNATURE.length;
  while (offset < bytes.length) {
    if (bytes.length - offset < 12) throw new Fault("ends inside a chunk");
    const length = view.getUint32(offset);
    if (length > bytes.length - offset - 12) throw new Fault("ends inside a chunk");
    const bodyEnd = offset + 8 + length;
    const type = String.fromCharCode(...bytes.subarray(offset + 4, offset + 8));
    if (view.getUint32(bodyEnd) !== crc32(bytes.subarray(offset + 4, bodyEnd))) {
      throw new Fault(`has a wrong checksum in its chunk ${JSON.stringify(type)}`);
    }
    yield { type, body: bytes.subarray(offset + 8, bodyEnd) };
    offset = bodyEnd + 4;
  }
}

/** §11.2.1. */
function parseHeader(body: Uint8Array): Header {
  if (body.length !== 13) throw new Fault("has a broken IHDR chunk");
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth, colourType, compression, filter, interlace] = body.subarray(8);
  const colour = COLOUR_TYPES[colourType ?? -1];
  const isKnown = colour?.depths.includes(depth ?? -1) && compression === 0 && filter === 0 && (interlace ?? 2) <= 1;
  if (!colour || !isKnown || width === 0 || height === 0) throw new Fault("has a broken IHDR chunk");
  return {
    width,
    height,
    bitsPerPixel: colour.samples * (depth ?? 0),
    isIndexed: colourType === 3,
    isInterlaced: interlace === 1,
  };
}

/** §7.2 and §9: each row is a filter byte and its packed pixels; nothing may be missing or left over. */
function checkPicture(compressed: Uint8Array, header: Header): void {
  const rows = rowLengths(header);
  const expected = rows.reduce((sum, { count, bytes }) => sum + count * bytes, 0);
  const pixels = inflate(compressed, expected);
  if (pixels.length !== expected) throw new Fault(`holds ${pixels.length} bytes of picture instead of ${expected}`);
  let offset = 0;
  for (const { count, bytes } of rows) {
    for (let row = 0; row < count; row++, offset += bytes) {
      if ((pixels[offset] ?? 5) > 4) throw new Fault("has an unknown filter in a row");
    }
  }
}

function rowLengths({ width, height, bitsPerPixel, isInterlaced }: Header): { count: number; bytes: number }[] {
  const passes = isInterlaced ? ADAM7 : [{ x: 0, y: 0, dx: 1, dy: 1 }];
  return passes
    .map(({ x, y, dx, dy }) => ({ columns: Math.ceil((width - x) / dx), count: Math.ceil((height - y) / dy) }))
    .filter(({ columns, count }) => columns > 0 && count > 0)
    .map(({ columns, count }) => ({ count, bytes: 1 + Math.ceil((columns * bitsPerPixel) / 8) }));
}

function inflate(compressed: Uint8Array, expected: number): Uint8Array {
  try {
    return inflateSync(compressed, { maxOutputLength: expected + 1 });
  } catch (error) {
    throw new Fault(`has a picture that cannot be decompressed (${messageOf(error)})`);
  }
}

/** §5.4: a lower-case first letter marks a chunk that may be skipped. */
function isCritical(type: string): boolean {
  return !/^[a-z]/.test(type);
}
