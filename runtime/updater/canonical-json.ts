/**
 * The one byte form of a JSON value that is signed: OLPC canonical JSON, as
 * TUF signs it (specification 1.0.31, §4.1). Sorted keys, no spaces, only
 * `"` and `\` escaped, whole numbers alone.
 */

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

const MAX_DEPTH = 64;

/** The canonical bytes, or undefined for what has none: fractions, unpaired surrogates, more than 64 levels. */
export function canonicalJson(value: unknown): Uint8Array | undefined {
  const text = render(value, 0);
  return text === undefined ? undefined : new TextEncoder().encode(text);
}

function render(value: unknown, depth: number): string | undefined {
  if (depth > MAX_DEPTH) return undefined;
  if (value === null || typeof value === "boolean") return String(value);
  // Two different unpaired surrogates would be encoded alike.
  if (typeof value === "string") return value.isWellFormed() ? `"${value.replaceAll(/["\\]/g, "\\$&")}"` : undefined;
  if (typeof value === "number") return Number.isSafeInteger(value) ? String(value + 0) : undefined;
  if (typeof value !== "object") return undefined;
  const parts: string[] = [];
  if (Array.isArray(value)) {
    for (const item of value) {
      const text = render(item, depth + 1);
      if (text === undefined) return undefined;
      parts.push(text);
    }
    return `[${parts.join(",")}]`;
  }
  for (const [key, item] of Object.entries(value).sort(([a], [b]) => byCodePoint(a, b))) {
    const [name, text] = [render(key, depth), render(item, depth + 1)];
    if (name === undefined || text === undefined) return undefined;
    parts.push(`${name}:${text}`);
  }
  return `{${parts.join(",")}}`;
}

/** UTF-8's order, which other languages sort by; UTF-16's differs above U+FFFF. */
function byCodePoint(a: string, b: string): number {
  const encoder = new TextEncoder();
  const [left, right] = [encoder.encode(a), encoder.encode(b)];
  const at = left.findIndex((byte, index) => byte !== right[index]);
  return at < 0 ? left.length - right.length : (left[at] ?? 0) - (right[at] ?? -1);
}
