/**
 * Writes ar archives in the common format, ar(5), as deb(5) restricts it: short
 * names, no symbol table. The outer container of a Debian package.
 */
import { totalLength, type Extent } from "./extent.ts";

const MAGIC = "!<arch>\n";
const HEADER_END = "`\n";
const NAME_BYTES = 16;
/** Ten decimal digits. */
const MAX_MEMBER_BYTES = 9_999_999_999;

export interface ArMember {
  /** At most 16 bytes of ASCII, without spaces and slashes. */
  readonly name: string;
  readonly content: readonly Extent[];
}

/** The archive's bytes: members of root, mode 0644, dated `time`. */
export function layoutAr(members: readonly ArMember[], time: Date): readonly Extent[] {
  const extents: Extent[] = [{ bytes: Buffer.from(MAGIC, "latin1") }];
  for (const { name, content } of members) {
    const size = totalLength(content);
    if (size > MAX_MEMBER_BYTES) throw new RangeError(`${name} has ${size} bytes`);
    const seconds = String(time.getTime() / 1000);
    const fields = [name.padEnd(NAME_BYTES), seconds.padEnd(12), "0     0     100644  ", String(size).padEnd(10)];
    extents.push({ bytes: Buffer.from(`${fields.join("")}${HEADER_END}`, "latin1") }, ...content);
    // Members begin at even offsets.
    if (size % 2 === 1) extents.push({ bytes: Buffer.from("\n", "latin1") });
  }
  return extents;
}
