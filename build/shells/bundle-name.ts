/** What an app's folder and files are called on each OS; the display name itself is never changed. */
import type { TargetOs } from "../plan/target.ts";

/** Device names that Windows refuses as file names, with or without an extension. */
const RESERVED = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/i;

/**
 * The display name as a file name without an extension. Windows refuses more
 * than the others; every refused character becomes "-". Falls back to `slug`
 * where nothing is left.
 */
export function fileNameOf(name: string, slug: string, os: TargetOs): string {
  const refused = os === "win32" ? /[<>:"/\\|?*]/ : os === "darwin" ? /[/:]/ : /[/]/;
  const allowed = Array.from(name)
    .map((character) => (refused.test(character) ? "-" : character))
    .filter((character) => (character.codePointAt(0) ?? 0) >= 0x20)
    .join("");
  // Windows drops trailing dots and spaces; a leading dot would hide the app on the others.
  const trimmed = allowed.replace(/^[. ]+/, "").replace(/[. ]+$/, "");
  if (trimmed === "") return slug;
  return os === "win32" && RESERVED.test(trimmed) ? `${trimmed}_` : trimmed;
}
