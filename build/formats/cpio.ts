/**
 * cpio in the portable format of POSIX.1-1997 (`odc`, "old character"): octal
 * numbers in ASCII, no padding. It is what a flat package's Payload holds.
 */
import { ErthError } from "../../runtime/base/errors.ts";

export interface CpioEntry {
  /** As it stands in the archive: `./Notes.app/Contents`. */
  readonly path: string;
  /** With the file type. */
  readonly mode: number;
  /** Seconds since 1970. */
  readonly modifiedAt: number;
  readonly linkCount: number;
  /** Length of the data that follows: content, or a link's target. */
  readonly bytes: number;
}

export const CPIO_MAGIC = "070707";
export const CPIO_HEADER_BYTES = 76;
export const CPIO_TRAILER = "TRAILER!!!";
/** The size has eleven octal digits. */
const CPIO_MAX_FILE_BYTES = 8 ** 11 - 1;
const MAX_SIX_DIGITS = 8 ** 6 - 1;
/** pkgbuild fills the archive up to this. */
const BLOCK_BYTES = 512;

/** Header and name of the archive's entry number `index`; its data follows. Owner and group are root. Throws `CPIO_LIMIT`. */
export function encodeCpioHeader(entry: CpioEntry, index: number): Buffer {
  const name = Buffer.from(`${entry.path}\0`);
  if (entry.bytes > CPIO_MAX_FILE_BYTES) throw beyond(entry.path, `has ${entry.bytes} bytes`, CPIO_MAX_FILE_BYTES);
  if (name.length > MAX_SIX_DIGITS) throw beyond(entry.path, `has a name of ${name.length} bytes`, MAX_SIX_DIGITS);
  // Device and inode together tell files apart; an inode alone has only six digits.
  const [device, inode] = [Math.floor(index / (MAX_SIX_DIGITS + 1)), index % (MAX_SIX_DIGITS + 1)];
  const six = [device, inode, entry.mode, 0, 0, Math.min(entry.linkCount, MAX_SIX_DIGITS), 0];
  const header = [
    CPIO_MAGIC,
    ...six.map((value) => octal(value, 6)),
    octal(entry.modifiedAt, 11),
    octal(name.length, 6),
    octal(entry.bytes, 11),
  ];
  return Buffer.concat([Buffer.from(header.join(""), "latin1"), name]);
}

/** The archive's end, after `bytes` of it and `index` entries. */
export function encodeCpioEnd(bytes: number, index: number): Buffer {
  const trailer = encodeCpioHeader({ path: CPIO_TRAILER, mode: 0, modifiedAt: 0, linkCount: 1, bytes: 0 }, index);
  const padding = (BLOCK_BYTES - ((bytes + trailer.length) % BLOCK_BYTES)) % BLOCK_BYTES;
  return Buffer.concat([trailer, Buffer.alloc(padding)]);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

function beyond(path: string, what: string, most: number): ErthError {
  return new ErthError({
    code: "CPIO_LIMIT",
    message: `${path} ${what}; a package's archive (cpio) holds ${most} at most.`,
    remedy: "leave it out of the app, or make another format: erth package --format dmg",
    facts: { path },
  });
}
