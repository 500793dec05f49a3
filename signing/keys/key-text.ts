/**
 * Undoes what CI systems, shells and clipboards do to keys on their way into
 * a secret. What has one possible meaning is repaired, with a warning; the
 * rest is `KEY_DAMAGED`, which names the damage and the way to avoid it, and
 * never a part of the key.
 */
import { decodeBase64, isDer, keyDamaged, type Warn, wholeDer } from "./key-bytes.ts";
import type { KeyMaterial } from "./key-source.ts";
import { type PemBlock, splitPem } from "./pem-blocks.ts";

export type KeyContent = { readonly warnings: readonly string[] } & (
  | { readonly kind: "der"; readonly der: Uint8Array }
  | { readonly kind: "pem"; readonly blocks: readonly PemBlock[] }
);

/** PEM blocks, or one whole DER or BER element. */
export function decodeKeyContent({ name, bytes }: KeyMaterial): KeyContent {
  const warnings: string[] = [];
  const warn: Warn = (what) => {
    warnings.push(`${name} ${what}; it was repaired.`);
  };
  let current = bytes;
  for (let layers = 0; layers < 4; layers++) {
    if (isDer(current)) {
      // Binary keys come in base64: one layer is usual, a second is damage.
      if (layers > 1) warn("is base64 of base64");
      return { kind: "der", der: wholeDer(current, name, warn), warnings };
    }
    const text = cleanText(current, layers, name, warn);
    if (text.includes("-----BEGIN ")) {
      if (layers > 1) warn("is base64 of base64");
      return { kind: "pem", blocks: splitPem(text, name, warn), warnings };
    }
    current = decodeBase64(text, name, warn);
  }
  throw keyDamaged(name, "it is base64 many times over");
}

/** Text without byte-order mark, quotes, literal `\n` and Windows line ends. */
function cleanText(bytes: Uint8Array, layers: number, name: string, warn: Warn): string {
  let text = Buffer.from(bytes).toString("utf8");
  if (bytes[0] === 0xff && bytes[1] === 0xfe) {
    text = Buffer.from(bytes.subarray(2)).toString("utf16le");
    warn("is UTF-16 text, as PowerShell writes it");
  } else if (text.startsWith("\uFEFF")) {
    text = text.slice(1);
    warn("begins with a byte-order mark");
  }
  // What base64 held is not the user's text any more: binary there is another kind of file.
  if (layers > 0 && /[^\t\n\r\x20-\x7e]/.test(text))
    throw keyDamaged(name, "its base64 holds neither a key nor PEM text");
  text = text.trim();
  const quoted = /^(["'`])([\s\S]*)\1$/.exec(text);
  if (quoted) {
    text = (quoted[2] ?? "").trim();
    warn("is in quotes");
  }
  if (/\\r?\\?n/.test(text)) {
    text = text.replaceAll(/(\\r)?\\n/g, "\n").trim();
    warn("has literal \\n where lines should end");
  }
  text = text.replaceAll(/\r\n?/g, "\n");
  const mistake = mistakeOf(text);
  if (mistake !== undefined) throw keyDamaged(name, mistake);
  return text;
}

/** What stands in the place of the key. */
function mistakeOf(text: string): string | undefined {
  if (text === "") return "it is empty";
  if (/^\*+$/.test(text)) return "it is the mask that CI logs show instead of the secret";
  if (/^(undefined|null|true|false)$/.test(text)) return `it is the word "${text}"`;
  if (/^(\$\{?\{?\s*[\w.]+\s*\}?\}?|%\w+%)$/.test(text)) return "it is the name of a variable that nothing replaced";
  if (/^https?:\/\//.test(text)) return "it is a URL";
  if (/^([~.]{0,2}\/|[A-Za-z]:\\).*\.\w{1,4}$/.test(text)) return "it is a path, where the key itself is expected";
  if (text.includes("\uFFFD")) return "it was a binary file that something read as text, which destroys it";
  if (/[\u2010-\u2015\u2018-\u201F]/.test(text)) return "it has typographic dashes or quotes from a text editor";
  if (/BEGIN [A-Z0-9 ]+/.test(text) && !text.includes("-----BEGIN ")) return "its BEGIN line lacks some of the dashes";
  return undefined;
}
