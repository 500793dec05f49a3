/**
 * The text around minisign's base64: an untrusted comment, a value, and in a
 * signature a trusted comment and a second value. Tauri puts the whole text
 * into base64 once more. Follows the file formats of minisign 0.11.
 */
import { ErthError } from "../../runtime/base/errors.ts";

export interface MinisignText {
  readonly untrustedComment: string;
  readonly value: Uint8Array;
  /** Of a signature alone. */
  readonly trusted?: { readonly comment: string; readonly value: Uint8Array };
}

/** Which of the two forms a text is written in. */
export type MinisignForm = "minisign" | "tauri";

const UNTRUSTED = "untrusted comment: ";
const TRUSTED = "trusted comment: ";
/** COMMENTMAXBYTES and TRUSTEDCOMMENTMAXBYTES of minisign, its terminating zero left out. */
const MAX_COMMENT_BYTES = 1023;
export const MAX_TRUSTED_COMMENT_BYTES = 8191;
const MAX_TEXT_CHARACTERS = 64 * 1024;

/** Parses either form; `what` is for the error (`MINISIGN_DAMAGED`), which never shows the text. */
export function parseMinisignText(text: string, what: string): MinisignText {
  if (text.length > MAX_TEXT_CHARACTERS)
    throw minisignDamaged(what, `it is longer than ${MAX_TEXT_CHARACTERS} characters`);
  const lines = linesOf(text, what);
  const [first = "", value = "", third, fourth, ...more] = lines;
  if (!first.startsWith(UNTRUSTED))
    throw minisignDamaged(what, `its first line does not begin with "${UNTRUSTED.trim()}"`);
  const untrustedComment = first.slice(UNTRUSTED.length);
  if (more.length > 0) throw minisignDamaged(what, `it has ${lines.length} lines`);
  const decoded = strictBase64(value, what);
  if (third === undefined) return { untrustedComment, value: decoded };
  if (!third.startsWith(TRUSTED)) throw minisignDamaged(what, `its third line does not begin with "${TRUSTED.trim()}"`);
  const trusted = { comment: third.slice(TRUSTED.length), value: strictBase64(fourth ?? "", what) };
  return { untrustedComment, value: decoded, trusted };
}

/** Writes either form. A comment that would not come back as it is throws `TypeError`. */
export function encodeMinisignText({ untrustedComment, value, trusted }: MinisignText, form: MinisignForm): string {
  checkComment(untrustedComment, MAX_COMMENT_BYTES);
  if (trusted !== undefined) checkComment(trusted.comment, MAX_TRUSTED_COMMENT_BYTES);
  const lines = [`${UNTRUSTED}${untrustedComment}`, base64(value)];
  if (trusted !== undefined) lines.push(`${TRUSTED}${trusted.comment}`, base64(trusted.value));
  const text = `${lines.join("\n")}\n`;
  return form === "minisign" ? text : base64(Buffer.from(text, "utf8"));
}

/** The bytes of base64 that is written in the one right way; a changed letter never decodes to the same bytes. */
export function strictBase64(text: string, what: string): Uint8Array {
  const bytes = Uint8Array.from(Buffer.from(text, "base64"));
  if (text === "" || base64(bytes) !== text) throw minisignDamaged(what, "its base64 is damaged");
  return bytes;
}

/** The error for a key or signature that is not one. */
export function minisignDamaged(what: string, why: string): ErthError {
  return new ErthError({
    code: "MINISIGN_DAMAGED",
    message: `the ${what} cannot be read: ${why}.`,
    remedy: `copy the whole ${what} again, all of its lines or all of its base64`,
  });
}

function linesOf(text: string, what: string): readonly string[] {
  const trimmed = text.trim();
  if (trimmed.startsWith(UNTRUSTED.trim())) return splitLines(trimmed);
  const inner = strictBase64(trimmed.replaceAll(/\s+/g, ""), what);
  try {
    return splitLines(new TextDecoder("utf-8", { fatal: true }).decode(inner).replace(/\n$/, ""));
  } catch {
    // The decoder has nothing to add.
    throw minisignDamaged(what, "its base64 holds no text");
  }
}

// Editors and Windows add carriage returns; minisign ignores them too.
function splitLines(text: string): readonly string[] {
  return text.split("\n").map((line) => line.replace(/\r$/, ""));
}

function checkComment(comment: string, maxBytes: number): void {
  const hasControl = Array.from(comment).some(
    (character) => (character < " " && character !== "\t") || character === "\x7f",
  );
  // A space at the end is lost to editors and to our own trimming.
  if (hasControl || !comment.isWellFormed() || comment !== comment.trimEnd() || Buffer.byteLength(comment) > maxBytes) {
    throw new TypeError(`a comment of minisign is one line of at most ${maxBytes} bytes`);
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
