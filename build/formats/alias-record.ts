/**
 * The Alias Manager's record, version 2, of a file on the volume that also
 * holds the record: how a Finder window names its background picture. After
 * Inside Macintosh, "Alias Manager", and the notes on the format of the
 * mac_alias project. Big endian.
 */
import { hfsPlusName } from "./hfs-plus-names.ts";
import { hfsPlusDate } from "./hfs-plus-records.ts";

export interface AliasTarget {
  readonly volumeName: string;
  /** When the volume and the file were created. */
  readonly date: Date;
  /** A folder at the volume's root. */
  readonly folder: { readonly name: string; readonly cnid: number };
  /** A file in it. */
  readonly file: { readonly name: string; readonly cnid: number };
}

const FIXED_BYTES = 150;
const VERSION = 2;
const EJECTABLE_DISK = 5;
/** From the record up to a common folder and down again: not known, look on the volume. */
const NO_LEVELS = -1;
/** As `hdiutil`'s volumes have it: on a disk image, HFS Plus. */
const VOLUME_ATTRIBUTES = 0x0000_0d02;
const TAG = { folderName: 0, cnidPath: 1, fileName: 14, volumeName: 15, path: 18, volumePath: 19, end: -1 } as const;

export function encodeAlias({ volumeName, date, folder, file }: AliasTarget): Buffer {
  const seconds = hfsPlusDate(date);
  const fixed = Buffer.alloc(FIXED_BYTES);
  fixed.writeUInt16BE(VERSION, 6);
  writePascal(fixed, 10, 28, volumeName);
  fixed.writeUInt32BE(seconds, 38);
  fixed.write("H+", 42, "latin1");
  fixed.writeUInt16BE(EJECTABLE_DISK, 44);
  fixed.writeUInt32BE(folder.cnid, 46);
  writePascal(fixed, 50, 64, file.name);
  fixed.writeUInt32BE(file.cnid, 114);
  fixed.writeUInt32BE(seconds, 118);
  fixed.writeInt16BE(NO_LEVELS, 130);
  fixed.writeInt16BE(NO_LEVELS, 132);
  fixed.writeUInt32BE(VOLUME_ATTRIBUTES, 134);

  const cnids = Buffer.alloc(4);
  cnids.writeUInt32BE(folder.cnid);
  const record = Buffer.concat([
    fixed,
    tagged(TAG.folderName, Buffer.from(folder.name)),
    tagged(TAG.cnidPath, cnids),
    tagged(TAG.fileName, unicode(file.name)),
    tagged(TAG.volumeName, unicode(volumeName)),
    tagged(TAG.path, Buffer.from(`/${folder.name}/${file.name}`)),
    // Where the volume is mounted while nothing else has its name.
    tagged(TAG.volumePath, Buffer.from(`/Volumes/${hfsPlusName(volumeName).replaceAll("/", ":")}`)),
    tagged(TAG.end, Buffer.alloc(0)),
  ]);
  record.writeUInt16BE(record.length, 4);
  return record;
}

/** Length and text in a field of its own; the full name follows as Unicode. */
function writePascal(target: Buffer, at: number, fieldBytes: number, text: string): void {
  const plain = text
    .replaceAll(/[^\x20-\x7e]/gu, "?")
    .replaceAll(":", "/")
    .slice(0, fieldBytes - 1);
  target.writeUInt8(plain.length, at);
  target.write(plain, at + 1, "latin1");
}

function unicode(name: string): Buffer {
  const units = hfsPlusName(name);
  const bytes = Buffer.alloc(2 + 2 * units.length);
  bytes.writeUInt16BE(units.length);
  Buffer.from(units, "utf16le").swap16().copy(bytes, 2);
  return bytes;
}

/** Padded to an even length that the field does not count. */
function tagged(tag: number, data: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeInt16BE(tag, 0);
  head.writeUInt16BE(data.length, 2);
  return Buffer.concat([head, data, Buffer.alloc(data.length % 2)]);
}
