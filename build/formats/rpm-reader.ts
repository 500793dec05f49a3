/**
 * The parts of an RPM package, and the tags of its two headers. Follows
 * "Package format V4" of rpm's manual and `lib/header.c` of rpm 4.18. Shares
 * nothing with the code that writes packages. Untrusted.
 */
import { ErthError } from "../../runtime/base/errors.ts";
import { boundedView } from "./bounded-view.ts";
import type { ByteRange } from "./byte-range.ts";

export interface RpmPart {
  readonly offset: number;
  readonly size: number;
}

export interface RpmHeader extends RpmPart {
  /** Texts of a tag; empty where it is missing or of another type. */
  readonly strings: (tag: number) => readonly string[];
  /** Whole numbers of a tag, 8 to 64 bits. */
  readonly numbers: (tag: number) => readonly number[];
  readonly binary: (tag: number) => Uint8Array | undefined;
}

export interface RpmFile {
  readonly signature: RpmHeader;
  readonly main: RpmHeader;
  readonly payload: RpmPart;
}

const LEAD_MAGIC = 0xedabeedb;
const LEAD_BYTES = 96;
const HEADER_MAGIC = 0x8eade801;
const INTRO_BYTES = 16;
const ENTRY_BYTES = 16;
const MAX_ENTRIES = 1 << 16;
const MAX_STORE_BYTES = 64 << 20;
const TYPE = { int8: 2, int16: 3, int32: 4, int64: 5, string: 6, binary: 7, strings: 8, i18n: 9 } as const;
const NUMBER_BYTES: Readonly<Record<number, number>> = {
  [TYPE.int8]: 1,
  [TYPE.int16]: 2,
  [TYPE.int32]: 4,
  [TYPE.int64]: 8,
};

/** Whether these first bytes begin a package. */
export function isRpm(head: Uint8Array): boolean {
  return Buffer.from(head.subarray(0, 4)).toString("hex") === LEAD_MAGIC.toString(16);
}

/** Lead, signature header, main header, payload. Throws `RPM_DAMAGED`. */
export async function readRpm(range: ByteRange): Promise<RpmFile> {
  const lead = await range.read(0, Math.min(LEAD_BYTES, range.size));
  if (!isRpm(lead) || lead.length < LEAD_BYTES) throw damaged("it does not begin with a lead");
  const major = lead[4];
  if (major !== 3 && major !== 4) throw damaged(`its lead has version ${major}`);
  const signature = await readHeader(range, LEAD_BYTES, "its signature header");
  // The first header is padded to eight bytes, the second one is not.
  const padded = signature.offset + signature.size;
  const mainOffset = padded + ((8 - (padded % 8)) % 8);
  const gap = await readInside(range, padded, mainOffset - padded, "its signature header");
  if (gap.some((byte) => byte !== 0)) throw damaged("the padding of its signature header is not zero");
  const main = await readHeader(range, mainOffset, "its header");
  const payloadOffset = main.offset + main.size;
  return { signature, main, payload: { offset: payloadOffset, size: range.size - payloadOffset } };
}

interface Entry {
  readonly type: number;
  readonly count: number;
  readonly offset: number;
}

async function readHeader(range: ByteRange, offset: number, what: string): Promise<RpmHeader> {
  const intro = boundedView(await readInside(range, offset, INTRO_BYTES, what), "big", damaged);
  if (intro.u32(0, what) !== HEADER_MAGIC || intro.u32(4, what) !== 0) throw damaged(`${what} has another magic`);
  const [entryCount, storeBytes] = [intro.u32(8, what), intro.u32(12, what)];
  if (entryCount > MAX_ENTRIES || storeBytes > MAX_STORE_BYTES)
    throw damaged(`${what} has ${entryCount} entries and ${storeBytes} bytes`);
  const size = INTRO_BYTES + entryCount * ENTRY_BYTES + storeBytes;
  const bytes = await readInside(range, offset, size, what);
  const view = boundedView(bytes, "big", damaged);
  const store = boundedView(view.bytes(size - storeBytes, storeBytes, what), "big", damaged);
  const entries = new Map<number, Entry>();
  for (let index = 0; index < entryCount; index += 1) {
    const at = INTRO_BYTES + index * ENTRY_BYTES;
    const field = (which: number): number => view.u32(at + which * 4, what);
    if (entries.has(field(0))) throw damaged(`${what} has the tag ${field(0)} twice`);
    entries.set(field(0), { type: field(1), offset: field(2), count: field(3) });
  }
  return {
    offset,
    size,
    strings(tag) {
      const entry = entries.get(tag);
      if (entry === undefined || ![TYPE.string, TYPE.strings, TYPE.i18n].some((type) => type === entry.type)) return [];
      const texts: string[] = [];
      let at = entry.offset;
      for (let index = 0; index < entry.count && index < MAX_ENTRIES; index += 1) {
        const text = store.cString(at, `the tag ${tag} of ${what}`);
        texts.push(text);
        at += Buffer.byteLength(text) + 1;
      }
      return texts;
    },
    numbers(tag) {
      const entry = entries.get(tag);
      const width = NUMBER_BYTES[entry?.type ?? 0];
      if (entry === undefined || width === undefined) return [];
      if (entry.count > MAX_ENTRIES) throw damaged(`the tag ${tag} of ${what} has ${entry.count} values`);
      const place = store.bytes(entry.offset, entry.count * width, `the tag ${tag} of ${what}`);
      return Array.from({ length: entry.count }, (_, index) =>
        place.subarray(index * width, (index + 1) * width).reduce((value, byte) => value * 256 + byte, 0),
      );
    },
    binary(tag) {
      const entry = entries.get(tag);
      if (entry?.type !== TYPE.binary) return undefined;
      return store.bytes(entry.offset, entry.count, `the tag ${tag} of ${what}`);
    },
  };
}

async function readInside(range: ByteRange, offset: number, length: number, what: string): Promise<Uint8Array> {
  if (offset + length > range.size) throw damaged(`${what} is cut off`);
  return await range.read(offset, length);
}

function damaged(what: string): ErthError {
  return new ErthError({
    code: "RPM_DAMAGED",
    message: `The RPM package is damaged: ${what}.`,
    remedy: "make it again, or download it again: erth package",
  });
}
