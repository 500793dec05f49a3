/**
 * Cpio archives in the "new ASCII" format without checksums (`newc`, cpio(5)),
 * which is the payload of an RPM. Every number has eight hexadecimal digits,
 * so no file may have 4 GiB.
 */
import { ARCHIVE_TIME, permissionsOf, type ArchiveEntry } from "./archive-entry.ts";
import { lengthOf, type Extent } from "./extent.ts";

/** The largest file that the format can hold. */
export const CPIO_MAX_FILE_BYTES = 0xffff_ffff;
const TYPES = { file: 0o100000, link: 0o120000, folder: 0o040000 } as const;
const TRAILER = "TRAILER!!!";

/** Type and permissions of an entry, as `st_mode` has them. */
export function modeOf(entry: ArchiveEntry): number {
  return TYPES[entry.kind] | permissionsOf(entry);
}

/** The archive's bytes; names begin with `./`, as rpm's own do. Inodes count the entries from 1. */
export function layoutCpio(entries: readonly ArchiveEntry[]): readonly Extent[] {
  const extents: Extent[] = [];
  for (const [at, entry] of entries.entries()) {
    const content = contentOf(entry);
    const size = lengthOf(content);
    if (size > CPIO_MAX_FILE_BYTES) throw new RangeError(`${entry.path} has ${size} bytes`);
    const links = entry.kind === "folder" ? 2 : 1;
    extents.push({ bytes: header(`./${entry.path}`, { inode: at + 1, mode: modeOf(entry), links, size }) });
    if (size > 0) extents.push(content);
    if (size % 4 > 0) extents.push({ bytes: new Uint8Array(4 - (size % 4)) });
  }
  extents.push({ bytes: header(TRAILER, { inode: 0, mode: 0, links: 1, size: 0 }) });
  return extents;
}

function contentOf(entry: ArchiveEntry): Extent {
  if (entry.kind === "file") return entry.content;
  return { bytes: Buffer.from(entry.kind === "link" ? entry.target : "") };
}

interface Header {
  readonly inode: number;
  readonly mode: number;
  readonly links: number;
  readonly size: number;
}

function header(name: string, { inode, mode, links, size }: Header): Buffer {
  const nameBytes = Buffer.from(`${name}\0`);
  const time = name === TRAILER ? 0 : ARCHIVE_TIME.getTime() / 1000;
  // inode, mode, owner, group, links, time, size, device (major, minor), special device (major, minor), name, check
  const fields = [inode, mode, 0, 0, links, time, size, 0, 0, 0, 0, nameBytes.length, 0];
  const head = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`, "latin1");
  const length = head.length + nameBytes.length;
  return Buffer.concat([head, nameBytes, Buffer.alloc((4 - (length % 4)) % 4)]);
}
