/**
 * Sizes as people write them: `"128 MB"`. Decimal kB, MB, GB and binary KiB,
 * MiB, GiB, as IEC 80000-13 has them; a number without a unit is refused.
 */

const UNITS = {
  B: 1,
  kB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
} as const;

type Unit = keyof typeof UNITS;

export type ParsedSize =
  | { readonly ok: true; readonly bytes: number }
  /** `reason` continues the sentence "total is …; "; `fix` is a size that would be read. */
  | { readonly ok: false; readonly reason: string; readonly fix: string };

const DEFAULT_FIX = "128 MB";

function isUnit(text: string): text is Unit {
  return Object.hasOwn(UNITS, text);
}

/** The size in whole bytes, or why the text is none and what to write instead. */
export function parseSize(text: string): ParsedSize {
  const [, amount, unit] = /^\s*(\d{1,15}(?:\.\d{1,15})?)\s*([A-Za-z]*)\s*$/.exec(text) ?? [];
  if (amount === undefined || unit === undefined) {
    return { ok: false, reason: "it must be a number and a unit", fix: DEFAULT_FIX };
  }
  if (unit === "") return { ok: false, reason: "it needs a unit", fix: `${amount} MB` };
  if (!isUnit(unit)) {
    const known = Object.keys(UNITS).find((name) => name.toLowerCase() === unit.toLowerCase());
    return {
      ok: false,
      reason: `${unit} is not a unit; the units are ${Object.keys(UNITS).join(", ")}`,
      fix: `${amount} ${known ?? "MB"}`,
    };
  }
  const bytes = Math.round(Number(amount) * UNITS[unit]);
  if (bytes === 0) return { ok: false, reason: "it must be more than nothing", fix: DEFAULT_FIX };
  if (!Number.isSafeInteger(bytes)) return { ok: false, reason: "it is larger than any file", fix: DEFAULT_FIX };
  return { ok: true, bytes };
}

/** Bytes for reading, decimal, with one digit after the point from a kilobyte up: `43.2 MB`, `812 B`. */
export function formatSize(bytes: number): string {
  const size = Math.abs(bytes);
  // 999 950 would print as 1000.0 kB: the next unit starts where rounding reaches it.
  const unit: Unit = size < 1000 ? "B" : size < 999_950 ? "kB" : size < 999_950_000 ? "MB" : "GB";
  return unit === "B" ? `${bytes} B` : `${(bytes / UNITS[unit]).toFixed(1)} ${unit}`;
}
