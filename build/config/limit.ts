/** Budgets as people write them: `"64 MB"` at most, or `"+2%"` and `"+500 kB"` against the release before. */
import { formatSize, parseSize } from "./size.ts";

export type Limit =
  | { readonly kind: "size"; readonly bytes: number }
  | { readonly kind: "growth"; readonly percent: number }
  | { readonly kind: "growth"; readonly bytes: number };

export type ParsedLimit =
  | { readonly ok: true; readonly limit: Limit }
  /** As in `ParsedSize`. */
  | { readonly ok: false; readonly reason: string; readonly fix: string };

/** The limit, or why the text is none and what to write instead. */
export function parseLimit(text: string): ParsedLimit {
  const growth = /^\s*\+(.*)$/s.exec(text)?.[1];
  if (growth === undefined) {
    if (/%\s*$/.test(text))
      return { ok: false, reason: "a share counts from the release before", fix: `+${text.trim()}` };
    const size = parseSize(text);
    return size.ok ? { ok: true, limit: { kind: "size", bytes: size.bytes } } : size;
  }
  const percent = /^\s*(\d{1,4}(?:\.\d{1,4})?)\s*%\s*$/.exec(growth)?.[1];
  if (percent !== undefined) return { ok: true, limit: { kind: "growth", percent: Number(percent) } };
  const size = parseSize(growth);
  if (size.ok) return { ok: true, limit: { kind: "growth", bytes: size.bytes } };
  return { ok: false, reason: size.reason, fix: /\d/.test(growth) ? `+${size.fix}` : "+2%" };
}

/** `at most 64.0 MB`, `+2%`, `+500.0 kB` */
export function formatLimit(limit: Limit): string {
  if (limit.kind === "size") return `at most ${formatSize(limit.bytes)}`;
  return "percent" in limit ? `+${limit.percent}%` : `+${formatSize(limit.bytes)}`;
}

/** The bytes that a limit allows; undefined where growth has nothing to count from. */
export function allowedBytes(limit: Limit, beforeBytes: number | undefined): number | undefined {
  if (limit.kind === "size") return limit.bytes;
  if (beforeBytes === undefined) return undefined;
  return "percent" in limit ? Math.floor(beforeBytes * (1 + limit.percent / 100)) : beforeBytes + limit.bytes;
}
