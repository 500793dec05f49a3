/**
 * The licence that macOS shows before it mounts a disk image: resources as the
 * "Software License Agreements for UDIFs" of Apple's developer kit has them. The
 * text is RTF, because plain text there is MacRoman and nothing else.
 */
import type { UdifResource } from "./udif.ts";

const FIRST_ID = 5000;
const ENGLISH = 0;
/** In this order: the language, four buttons, the line beside the text. */
const WORDS = [
  "English",
  "Agree",
  "Disagree",
  "Print",
  "Save...",
  "Press Agree to accept these terms and open the disk image; press Disagree to leave it closed.",
];

/** Resources for a licence in RTF or in UTF-8 text. */
export function licenseResources(text: string): readonly UdifResource[] {
  const rtf = text.startsWith("{\\rtf") ? text : renderRtf(text);
  return [
    { type: "LPic", id: FIRST_ID, name: "", data: encodeLanguages() },
    { type: "STR#", id: FIRST_ID, name: "English", data: encodeWords() },
    { type: "RTF ", id: FIRST_ID, name: "English", data: Buffer.from(rtf, "latin1") },
  ];
}

/** One language, which is the default: its number, which resources are its own, bytes of a character. */
function encodeLanguages(): Buffer {
  const words = [ENGLISH, 1, ENGLISH, 0, 0];
  const bytes = Buffer.alloc(2 * words.length);
  for (const [at, word] of words.entries()) bytes.writeUInt16BE(word, 2 * at);
  return bytes;
}

function encodeWords(): Buffer {
  const count = Buffer.alloc(2);
  count.writeUInt16BE(WORDS.length);
  return Buffer.concat([count, ...WORDS.map((word) => Buffer.concat([Buffer.of(word.length), Buffer.from(word)]))]);
}

/** Paragraphs of plain text; whatever is not ASCII as `\u` and a replacement for readers without Unicode. */
function renderRtf(text: string): string {
  const escaped = Array.from({ length: text.length }, (_, at) => {
    const character = text.charAt(at);
    const unit = text.charCodeAt(at);
    if (character === "\r") return "";
    if (character === "\n") return "\\par\n";
    if (character === "\t") return "\\tab ";
    if ("\\{}".includes(character)) return `\\${character}`;
    if (unit >= 0x20 && unit < 0x7f) return character;
    return `\\u${unit >= 0x8000 ? unit - 0x1_0000 : unit}?`;
  });
  return `{\\rtf1\\ansi\\deff0{\\fonttbl{\\f0\\fswiss Helvetica;}}\\f0\\fs24\n${escaped.join("")}}`;
}
