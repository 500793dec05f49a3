/** ASCII names for files: any display name becomes `[a-z0-9-]+`, never empty, never a name Windows reserves. */

const MAX_CHARACTERS = 60;

/** Letters that Unicode's compatibility decomposition (UAX #15, NFKD) leaves whole. */
const LETTERS: Readonly<Record<string, string>> = {
  ß: "ss",
  æ: "ae",
  œ: "oe",
  ø: "o",
  ł: "l",
  đ: "d",
  ð: "d",
  þ: "th",
  ı: "i",
};

/** Device names that Windows refuses as a file name, with or without an extension. */
const RESERVED = /^(?:con|prn|aux|nul|conin\$|conout\$|com\d|lpt\d)$/;

/** Whether Windows takes this name, or this name before its first dot, for a device. Case does not matter. */
export function isReservedOnWindows(name: string): boolean {
  const [stem = ""] = name.split(".");
  return RESERVED.test(stem.trimEnd().toLowerCase());
}

/**
 * The slug of a display name. A name without a single ASCII letter or digit
 * (CJK, emoji) takes the last part of the reverse-DNS identifier instead.
 */
export function slugOf(name: string, identifier: string): string {
  const slug = ascii(name) || ascii(identifier.split(".").at(-1) ?? "") || "app";
  return isReservedOnWindows(slug) ? `${slug}-app` : slug;
}

function ascii(text: string): string {
  return (
    text
      .normalize("NFKD")
      .toLowerCase()
      // Lowering can compose again: "İ" becomes "i" and a combining dot.
      .normalize("NFKD")
      .replace(/\p{M}/gu, "")
      .replace(/[^\0-\x7f]/gu, (letter) => LETTERS[letter] ?? letter)
      // "Bob's" reads as bobs, not as bob-s.
      .replace(/['’‘"]/g, "")
      .replace(/[^a-z0-9]+/g, "-")
      .slice(0, MAX_CHARACTERS + 1)
      .replace(/^-/, "")
      .slice(0, MAX_CHARACTERS)
      .replace(/-$/, "")
  );
}
