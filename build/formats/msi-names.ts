/** Names in Windows Installer databases: keys, short file names, codes and escaped text. */
import { createHash } from "node:crypto";
import { v5 } from "uuid";

/** The namespace of all our codes: a UUID of our own choice, never to be changed. */
const NAMESPACE = "5d0f2f5c-6a3e-4c0b-9d57-6f1f0c0b7a11";
const KEY_DIGITS = 24;
const SHORT_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/** What Windows takes as a name of eight characters and three. */
const SHORT_NAME = /^[A-Za-z0-9_-]{1,8}(?:\.[A-Za-z0-9_-]{1,3})?$/;

/** A code in braces, always the same for the same text. */
export function msiCode(...parts: readonly string[]): string {
  return `{${v5(parts.join("\n"), NAMESPACE).toUpperCase()}}`;
}

/** A primary key for a path: the same in every version of the app. */
export function msiKey(prefix: string, path: string): string {
  return `${prefix}_${createHash("sha256").update(path).digest("hex").slice(0, KEY_DIGITS)}`;
}

/** The key of a file, which is its name in the cabinet. */
export function msiFileKey(path: string): string {
  return msiKey("f", path);
}

/** `SHORTNAM.EXT|Long name.extension`, or the name alone where it is short; `path` makes it unique in its folder. */
export function msiFileName(name: string, path: string): string {
  return SHORT_NAME.test(name) ? name : `${shortName(name, path)}|${name}`;
}

function shortName(name: string, path: string): string {
  const digest = createHash("sha256").update(path).digest();
  const stem = Array.from(digest.subarray(0, 8), (byte) => SHORT_CHARACTERS.charAt(byte % SHORT_CHARACTERS.length));
  const extension = /\.([A-Za-z0-9]{1,3})[^.]*$/.exec(name)?.[1];
  return `${stem.join("")}${extension === undefined ? "" : `.${extension.toUpperCase()}`}`;
}

/** Text of the type Formatted that stands for itself: no property, no key, no condition. */
export function msiFormatted(text: string): string {
  return text.replace(/[[\]{}]/g, (character) => `[\\${character}]`);
}
