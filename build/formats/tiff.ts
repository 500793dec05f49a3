/**
 * A TIFF of one or more opaque pictures (TIFF 6.0, baseline RGB). The Finder
 * takes one picture in two densities from such a file: each says its own dots
 * per inch. Uncompressed, because the disk image around it is compressed
 * better than a TIFF can be.
 */

export interface TiffPage {
  readonly width: number;
  readonly height: number;
  readonly dotsPerInch: number;
  /** Straight RGBA, top row first; what is transparent becomes white. */
  readonly rgba: Uint8Array;
}

const TYPE = { short: 3, long: 4, rational: 5 } as const;
const HEADER_BYTES = 8;
const FIELD_BYTES = 12;
const SAMPLES = 3;
const UNCOMPRESSED = 1;
/** Bits per sample three times, and a resolution, which fit into no field. */
const EXTRA_BYTES = 16;

export function encodeTiff(pages: readonly TiffPage[]): Buffer {
  const header = Buffer.from("II*\0\0\0\0\0", "latin1");
  const parts: Buffer[] = [header];
  let end = HEADER_BYTES;
  let linkAt = 4;
  for (const page of pages) {
    const strip = opaqueRows(page);
    const padded = Buffer.concat([strip, Buffer.alloc(strip.length % 2)]);
    const directoryOffset = end + padded.length + EXTRA_BYTES;
    const extra = Buffer.alloc(EXTRA_BYTES);
    for (const at of [0, 2, 4]) extra.writeUInt16LE(8, at);
    extra.writeUInt32LE(page.dotsPerInch, 8);
    extra.writeUInt32LE(1, 12);
    const extraOffset = end + padded.length;
    const directory = encodeDirectory([
      [256, TYPE.long, 1, page.width],
      [257, TYPE.long, 1, page.height],
      [258, TYPE.short, SAMPLES, extraOffset],
      [259, TYPE.short, 1, UNCOMPRESSED],
      [262, TYPE.short, 1, 2], // RGB
      [273, TYPE.long, 1, end],
      [277, TYPE.short, 1, SAMPLES],
      [278, TYPE.long, 1, page.height],
      [279, TYPE.long, 1, strip.length],
      [282, TYPE.rational, 1, extraOffset + 8],
      [283, TYPE.rational, 1, extraOffset + 8],
      [284, TYPE.short, 1, 1], // samples of a pixel together
      [296, TYPE.short, 1, 2], // inches
    ]);
    // The header, and then each directory, names the next one.
    const holder = parts.at(-1) ?? header;
    holder.writeUInt32LE(directoryOffset, linkAt);
    parts.push(padded, extra, directory);
    end = directoryOffset + directory.length;
    linkAt = directory.length - 4;
  }
  return Buffer.concat(parts);
}

type Field = readonly [tag: number, type: number, count: number, value: number];

function encodeDirectory(fields: readonly Field[]): Buffer {
  const directory = Buffer.alloc(2 + fields.length * FIELD_BYTES + 4);
  directory.writeUInt16LE(fields.length);
  for (const [number, [tag, type, count, value]] of fields.entries()) {
    const at = 2 + number * FIELD_BYTES;
    directory.writeUInt16LE(tag, at);
    directory.writeUInt16LE(type, at + 2);
    directory.writeUInt32LE(count, at + 4);
    // A short that fits stands at the field's beginning, which little endian does by itself.
    directory.writeUInt32LE(value, at + 8);
  }
  return directory;
}

/** Rows of RGB over white. */
function opaqueRows({ width, height, rgba }: TiffPage): Buffer {
  const rows = Buffer.alloc(width * height * SAMPLES);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    const alpha = (rgba[pixel * 4 + 3] ?? 0) / 255;
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      const value = rgba[pixel * 4 + sample] ?? 0;
      rows[pixel * SAMPLES + sample] = Math.round(value * alpha + 255 * (1 - alpha));
    }
  }
  return rows;
}
