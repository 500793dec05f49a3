/**
 * Tar archives as GNU tar writes them (`tar.h`, "GNU tar internals"). The
 * dialect is the one that dpkg reads as well: deb(5) takes GNU's long names
 * and calls the extended headers of POSIX.1-2001 (pax) an error, which is why
 * neither `tar` nor `archiver` can write a package.
 */
import { ARCHIVE_TIME, permissionsOf, type ArchiveEntry } from "./archive-entry.ts";
import { lengthOf, type Extent } from "./extent.ts";

const BLOCK_BYTES = 512;
const NAME_BYTES = 100;
const TYPES = { file: "0", link: "2", folder: "5", longLink: "K", longName: "L" } as const;
/** Eleven octal digits; GNU writes more in base 256. */
const MAX_OCTAL_SIZE = 0o77777777777;

/** The archive's bytes. `root` goes before every path: with `./` the folder itself is an entry, as dpkg has it. */
export function layoutTar(entries: readonly ArchiveEntry[], root: "" | "./"): readonly Extent[] {
  const extents: Extent[] = [];
  if (root !== "") extents.push({ bytes: header({ name: root, type: TYPES.folder, mode: 0o755 }) });
  for (const entry of entries) {
    const mode = permissionsOf(entry);
    const name = `${root}${entry.path}`;
    if (entry.kind === "folder") extents.push({ bytes: header({ name: `${name}/`, type: TYPES.folder, mode }) });
    else if (entry.kind === "link") {
      extents.push({ bytes: header({ name, type: TYPES.link, mode, link: entry.target }) });
    } else {
      const size = lengthOf(entry.content);
      extents.push({ bytes: header({ name, type: TYPES.file, mode, size }) }, entry.content);
      if (size % BLOCK_BYTES > 0) extents.push({ bytes: padding(size) });
    }
  }
  extents.push({ bytes: new Uint8Array(2 * BLOCK_BYTES) });
  return extents;
}

interface Header {
  readonly name: string;
  readonly type: string;
  readonly mode: number;
  readonly link?: string;
  readonly size?: number;
}

/** An entry's header, after those that carry what is too long for it. */
function header({ name, link = "", ...rest }: Header): Buffer {
  const blocks: Buffer[] = [];
  const [nameBytes, linkBytes] = [Buffer.from(name), Buffer.from(link)];
  if (linkBytes.length > NAME_BYTES) blocks.push(longText(TYPES.longLink, linkBytes));
  if (nameBytes.length > NAME_BYTES) blocks.push(longText(TYPES.longName, nameBytes));
  blocks.push(block(nameBytes, linkBytes, rest));
  return Buffer.concat(blocks);
}

function longText(type: string, text: Buffer): Buffer {
  const size = text.length + 1;
  const content = Buffer.alloc(size + padding(size).length);
  text.copy(content);
  return Buffer.concat([block(Buffer.from("././@LongLink"), Buffer.alloc(0), { type, mode: 0o644, size }), content]);
}

function block(name: Buffer, link: Buffer, { type, mode, size = 0 }: Omit<Header, "name" | "link">): Buffer {
  const bytes = Buffer.alloc(BLOCK_BYTES);
  name.copy(bytes, 0, 0, NAME_BYTES);
  bytes.write(octal(mode, 7), 100, "latin1");
  bytes.write(octal(0, 7), 108, "latin1"); // owner: root
  bytes.write(octal(0, 7), 116, "latin1"); // group: root
  writeSize(bytes, size);
  bytes.write(octal(ARCHIVE_TIME.getTime() / 1000, 11), 136, "latin1");
  bytes.write(" ".repeat(8), 148, "latin1");
  bytes.write(type, 156, "latin1");
  link.copy(bytes, 157, 0, NAME_BYTES);
  bytes.write("ustar  \0", 257, "latin1");
  bytes.write("root", 265, "latin1");
  bytes.write("root", 297, "latin1");
  // The sum counts its own field as spaces.
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${octal(sum, 6)}\0 `, 148, "latin1");
  return bytes;
}

function writeSize(bytes: Buffer, size: number): void {
  if (size <= MAX_OCTAL_SIZE) {
    bytes.write(octal(size, 11), 124, "latin1");
    return;
  }
  bytes.writeUInt8(0x80, 124);
  bytes.writeBigUInt64BE(BigInt(size), 128);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

function padding(size: number): Uint8Array {
  return new Uint8Array((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES);
}
