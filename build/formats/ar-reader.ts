/** Members of an `ar` archive, which is what a `.deb` is. Follows deb(5) and ar(5), short names only. Untrusted. */
import { ErthError } from "../../runtime/base/errors.ts";
import type { ByteRange } from "./byte-range.ts";

export interface ArMember {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

const MAGIC = "!<arch>\n";
const HEADER_BYTES = 60;
const MAX_MEMBERS = 64;

/** Whether these first bytes begin an archive. */
export function isAr(head: Uint8Array): boolean {
  return Buffer.from(head.subarray(0, MAGIC.length)).toString("latin1") === MAGIC;
}

/** All members, in order; together they fill the file. Throws `AR_DAMAGED`. */
export async function readAr(range: ByteRange): Promise<readonly ArMember[]> {
  if (!isAr(await range.read(0, Math.min(MAGIC.length, range.size)))) throw damaged(`it does not begin with "!<arch>"`);
  const members: ArMember[] = [];
  for (let at = MAGIC.length; at < range.size;) {
    const what = `member ${members.length}`;
    if (members.length === MAX_MEMBERS) throw damaged(`it has more than ${MAX_MEMBERS} members`);
    if (at + HEADER_BYTES > range.size) throw damaged(`the header of ${what} is cut off`);
    const header = Buffer.from(await range.read(at, HEADER_BYTES)).toString("latin1");
    const size = header.slice(48, 58);
    if (header.slice(58) !== "`\n" || !/^\d{1,10} *$/.test(size)) throw damaged(`the header of ${what} is wrong`);
    const member = {
      name: header.slice(0, 16).trimEnd().replace(/\/$/, ""),
      offset: at + HEADER_BYTES,
      size: Number(size),
    };
    const end = member.offset + member.size;
    if (end > range.size) throw damaged(`${what} (${member.name}) is cut off`);
    members.push(member);
    // Members begin at even offsets.
    at = end + (member.size % 2);
    if (member.size % 2 === 1 && end < range.size && (await range.read(end, 1))[0] !== 0x0a)
      throw damaged(`the padding of ${what} is no line feed`);
  }
  return members;
}

function damaged(what: string): ErthError {
  return new ErthError({
    code: "AR_DAMAGED",
    message: `The archive is damaged: ${what}.`,
    remedy: "make it again, or download it again: erth package",
  });
}
