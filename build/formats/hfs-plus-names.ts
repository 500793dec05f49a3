/**
 * Names on an HFS Plus volume: how Apple's file systems write them down and in
 * which order. Technical Note TN1150 ("Unicode Subtleties", "Case-Insensitive
 * String Comparison Algorithm"); decomposition as in the kernel's Unicode 3.2
 * table (`bsd/vfs/vfs_utfconvdata.h` of xnu).
 */

/** Longest name, in UTF-16 units. */
export const MAX_NAME_UNITS = 255;

/**
 * Left as they are, though today's Unicode decomposes or reorders some of them:
 * the symbols and compatibility ideographs that Apple excludes, everything
 * outside the BMP, and blocks and marks that Unicode got after 3.2.
 */
const UNTOUCHED =
  "\\u0350-\\u035f\\u05a2\\u05ba\\u05c5\\u05c7\\u0610-\\u061a\\u0656-\\u065f\\u07c0-\\u08ff\\u135d-\\u135f\\u17dd" +
  "\\u1900-\\u1cff\\u1dc0-\\u1dff\\u2000-\\u2fff\\ua640-\\uabff\\uf900-\\ufaff\\ufe24-\\ufe2f\\u{10000}-\\u{10ffff}";
const DECOMPOSABLE = new RegExp(`[^${UNTOUCHED}]+`, "gu");

/** A file's name as the volume holds it: decomposed, and with the ":" of a path's name as "/", which separates nothing there. */
export function hfsPlusName(name: string): string {
  return name.replace(DECOMPOSABLE, (run) => run.normalize("NFD")).replaceAll(":", "/");
}

type FoldRange = readonly [first: number, last: number, step: number, shift: number];

/** Capitals of the table in TN1150: from, to, every how many, distance to the small letter. Decomposed ones have none. */
const CAPITALS: readonly FoldRange[] = [
  [0x0041, 0x005a, 1, 32],
  [0x00c6, 0x00c6, 1, 32],
  [0x00d0, 0x00d0, 1, 32],
  [0x00d8, 0x00d8, 1, 32],
  [0x00de, 0x00de, 1, 32],
  [0x0110, 0x0110, 1, 1],
  [0x0126, 0x0126, 1, 1],
  [0x0132, 0x0132, 1, 1],
  [0x013f, 0x0141, 2, 1],
  [0x014a, 0x014a, 1, 1],
  [0x0152, 0x0152, 1, 1],
  [0x0166, 0x0166, 1, 1],
  [0x0181, 0x0181, 1, 210],
  [0x0182, 0x0184, 2, 1],
  [0x0186, 0x0186, 1, 206],
  [0x0187, 0x0187, 1, 1],
  [0x0189, 0x018a, 1, 205],
  [0x018b, 0x018b, 1, 1],
  [0x018e, 0x018e, 1, 79],
  [0x018f, 0x018f, 1, 202],
  [0x0190, 0x0190, 1, 203],
  [0x0191, 0x0191, 1, 1],
  [0x0193, 0x0193, 1, 205],
  [0x0194, 0x0194, 1, 207],
  [0x0196, 0x0196, 1, 211],
  [0x0197, 0x0197, 1, 209],
  [0x0198, 0x0198, 1, 1],
  [0x019c, 0x019c, 1, 211],
  [0x019d, 0x019d, 1, 213],
  [0x019f, 0x019f, 1, 214],
  [0x01a2, 0x01a4, 2, 1],
  [0x01a7, 0x01a7, 1, 1],
  [0x01a9, 0x01a9, 1, 218],
  [0x01ac, 0x01ac, 1, 1],
  [0x01ae, 0x01ae, 1, 218],
  [0x01b1, 0x01b2, 1, 217],
  [0x01b3, 0x01b5, 2, 1],
  [0x01b7, 0x01b7, 1, 219],
  [0x01b8, 0x01b8, 1, 1],
  [0x01bc, 0x01bc, 1, 1],
  [0x01c4, 0x01ca, 3, 2],
  [0x01c5, 0x01cb, 3, 1],
  [0x01e4, 0x01e4, 1, 1],
  [0x01f1, 0x01f1, 1, 2],
  [0x01f2, 0x01f2, 1, 1],
  [0x0391, 0x03a1, 1, 32],
  [0x03a3, 0x03a9, 1, 32],
  [0x03e2, 0x03ee, 2, 1],
  [0x0402, 0x0402, 1, 80],
  [0x0404, 0x0406, 1, 80],
  [0x0408, 0x040b, 1, 80],
  [0x040f, 0x040f, 1, 80],
  [0x0410, 0x0418, 1, 32],
  [0x041a, 0x042f, 1, 32],
  [0x0460, 0x0474, 2, 1],
  [0x0478, 0x0480, 2, 1],
  [0x0490, 0x04be, 2, 1],
  [0x04c3, 0x04cb, 4, 1],
  [0x0531, 0x0556, 1, 48],
  [0x10a0, 0x10c5, 1, 48],
  [0x2160, 0x216f, 1, 16],
  [0xff21, 0xff3a, 1, 32],
];

/** Directions and joiners, which count for nothing. */
const IGNORED: readonly (readonly [first: number, last: number])[] = [
  [0x200c, 0x200f],
  [0x202a, 0x202e],
  [0x206a, 0x206f],
  [0xfeff, 0xfeff],
];

const FOLDED: ReadonlyMap<number, number> = new Map<number, number>([
  // NUL comes last, because 0 marks what is ignored.
  [0, 0xffff],
  ...CAPITALS.flatMap(([first, last, step, shift]) => {
    const count = (last - first) / step + 1;
    return Array.from({ length: count }, (_, at) => [first + at * step, first + at * step + shift] as const);
  }),
  ...IGNORED.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, at) => [first + at, 0] as const)),
]);

/** What a UTF-16 unit counts as in a comparison; 0 where it does not count. */
export function foldUnit(unit: number): number {
  return FOLDED.get(unit) ?? unit;
}

/** Negative, 0 or positive, as the first name is before, equal to or behind the second. Both as the volume holds them. */
export function compareHfsPlusNames(a: string, b: string): number {
  let atA = 0;
  let atB = 0;
  while (true) {
    let unitA = 0;
    while (atA < a.length && unitA === 0) unitA = foldUnit(a.charCodeAt(atA++));
    let unitB = 0;
    while (atB < b.length && unitB === 0) unitB = foldUnit(b.charCodeAt(atB++));
    if (unitA !== unitB) return unitA - unitB;
    if (unitA === 0) return 0;
  }
}

/** Equal for two names that are one and the same to the volume. */
export function nameKey(name: string): string {
  let key = "";
  for (let at = 0; at < name.length; at += 1) {
    const unit = foldUnit(name.charCodeAt(at));
    if (unit !== 0) key += String.fromCharCode(unit);
  }
  return key;
}
