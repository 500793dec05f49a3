/** Plain text tables and bars for a terminal. Pure. */
import { stripVTControlCharacters } from "node:util";

export type Align = "left" | "right";

/** Columns a character takes on a terminal: two for CJK and emoji, none for combining marks. */
function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of new Intl.Segmenter().segment(stripVTControlCharacters(text))) {
    width +=
      /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]/u.test(
        segment,
      )
        ? 2
        : 1;
  }
  return width;
}

/** Pads to a width in terminal columns. */
export function pad(text: string, width: number, align: Align = "left"): string {
  const fill = " ".repeat(Math.max(0, width - widthOf(text)));
  return align === "left" ? text + fill : fill + text;
}

/** A table with a head, a rule and rows; columns are as wide as their widest cell. */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  align: readonly Align[] = [],
): string {
  const widths = head.map((title, column) =>
    Math.max(widthOf(title), ...rows.map((row) => widthOf(row[column] ?? ""))),
  );
  const line = (cells: readonly string[]): string =>
    `  ${cells
      .map((cell, column) => pad(cell, widths[column] ?? 0, align[column]))
      .join("  ")
      .trimEnd()}\n`;
  const rule = `  ${widths.map((width) => "─".repeat(width)).join("  ")}\n`;
  return line(head) + rule + rows.map(line).join("");
}

/** `██████░░░░` */
export function renderBar(fraction: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * width);
  return "█".repeat(full) + "░".repeat(width - full);
}

/** `0.4 s`, `12.3 s`, `2 min 05 s` */
export function renderDuration(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}

/** Cuts a line to the terminal's width, so that it never wraps and breaks the redraw. */
export function fit(line: string, width: number): string {
  let kept = "";
  for (const { segment } of new Intl.Segmenter().segment(line)) {
    if (widthOf(kept + segment) > width) break;
    kept += segment;
  }
  return kept;
}
