/**
 * Windows icons: ICONDIR, ICONDIRENTRY and the pictures (Win32, "Icons" and
 * BITMAPINFOHEADER). 256 pixels are stored as PNG, smaller ones as 32-bit
 * bitmaps, which resource compilers and installers read without exception.
 */
import type { Picture } from "./picture.ts";

/** The sizes that Explorer and the taskbar ask for, from 100 to 250 percent scaling. */
export const ICO_SIZES: readonly number[] = [16, 20, 24, 32, 40, 48, 64, 256];

const DIRECTORY_BYTES = 6;
const ENTRY_BYTES = 16;
const HEADER_BYTES = 40;

/** The icon of these pictures, in their order. A side has 1 to 256 pixels. */
export function encodeIco(pictures: readonly Picture[]): Uint8Array {
  const bodies = pictures.map((picture) => (picture.size === 256 ? picture.png : encodeBitmap(picture)));
  const head = Buffer.alloc(DIRECTORY_BYTES + ENTRY_BYTES * pictures.length);
  head.writeUInt16LE(1, 2); // an icon, not a cursor
  head.writeUInt16LE(pictures.length, 4);
  let offset = head.length;
  for (const [index, { size }] of pictures.entries()) {
    if (size < 1 || size > 256) throw new Error(`an icon of ${size} pixels does not fit into an .ico`);
    const entry = DIRECTORY_BYTES + ENTRY_BYTES * index;
    const bytes = bodies[index]?.length ?? 0;
    head.writeUInt8(size % 256, entry); // 0 stands for 256
    head.writeUInt8(size % 256, entry + 1);
    head.writeUInt16LE(1, entry + 4);
    head.writeUInt16LE(32, entry + 6);
    head.writeUInt32LE(bytes, entry + 8);
    head.writeUInt32LE(offset, entry + 12);
    offset += bytes;
  }
  return Buffer.concat([head, ...bodies]);
}

/** BGRA from the bottom row up, then the 1-bit mask that predates alpha; its rows are padded to 32 bits. */
function encodeBitmap({ size, rgba }: Picture): Uint8Array {
  const maskRow = Math.ceil(size / 32) * 4;
  const pixelBytes = size * size * 4;
  const bitmap = Buffer.alloc(HEADER_BYTES + pixelBytes + maskRow * size);
  bitmap.writeUInt32LE(HEADER_BYTES, 0);
  bitmap.writeInt32LE(size, 4);
  bitmap.writeInt32LE(size * 2, 8); // colours and mask together
  bitmap.writeUInt16LE(1, 12);
  bitmap.writeUInt16LE(32, 14);
  bitmap.writeUInt32LE(pixelBytes + maskRow * size, 20);
  for (let y = 0; y < size; y++) {
    const bottomUp = size - 1 - y;
    for (let x = 0; x < size; x++) {
      const from = (y * size + x) * 4;
      const to = HEADER_BYTES + (bottomUp * size + x) * 4;
      const alpha = rgba[from + 3] ?? 0;
      bitmap.set([rgba[from + 2] ?? 0, rgba[from + 1] ?? 0, rgba[from] ?? 0, alpha], to);
      if (alpha === 0) {
        const mask = HEADER_BYTES + pixelBytes + bottomUp * maskRow + (x >> 3);
        bitmap[mask] = (bitmap[mask] ?? 0) | (0x80 >> (x & 7));
      }
    }
  }
  return bitmap;
}
