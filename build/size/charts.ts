/** The two pictures of the size page, as SVG: what a file is made of, and how files grew over releases. Pure. */
import { PARTS, type Part } from "../config/resolved-config.ts";
import { formatSize } from "../config/size.ts";
import type { SizeReport } from "./budget.ts";
import { squarify, type Rectangle } from "./treemap.ts";

const MAP: Rectangle = { x: 0, y: 0, width: 960, height: 320 };
const CHART = { width: 960, height: 260, left: 70, right: 16, top: 14, bottom: 34 } as const;
/** Columns that a letter of a label takes, at 13 px. */
const LETTER_WIDTH = 7.4;

/** Text that stands between tags or in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** A class for each part, so that the page's style sheet says the colours, light and dark. */
export function partClass(part: Part): string {
  return `part-${PARTS.indexOf(part)}`;
}

/** Areas are compressed bytes; the app's script is divided by package. */
export function renderTreemap(report: SizeReport): string {
  const tiles = squarify(
    report.parts.map((part) => ({ ...part, weight: part.compressedBytes })),
    MAP,
  ).map(({ item, ...box }) => {
    const share = ((100 * item.compressedBytes) / report.bytes).toFixed(1);
    const inner = item.part === "app code" ? renderPackages(report, box) : "";
    return [
      `<g><title>${escapeHtml(`${item.part}: ${formatSize(item.compressedBytes)}, ${share}% of the file; ${formatSize(item.diskBytes)} installed`)}</title>`,
      `<rect class="${partClass(item.part)}" ${boxOf(box)} rx="3"/>${inner}`,
      renderLabel(box, [item.part, formatSize(item.compressedBytes)]),
      "</g>",
    ].join("");
  });
  const label = escapeHtml(`What ${report.path} is made of`);
  return `<svg class="map" viewBox="0 0 ${MAP.width} ${MAP.height}" role="img" aria-label="${label}">${tiles.join("")}</svg>`;
}

function renderPackages(report: SizeReport, frame: Rectangle): string {
  if (frame.width < 24 || frame.height < 24) return "";
  return squarify(
    report.packages.map((entry) => ({ ...entry, weight: entry.bytes })),
    frame,
  )
    .map(
      ({ item, ...box }) =>
        `<g><title>${escapeHtml(`${item.name}: ${formatSize(item.bytes)} of script`)}</title><rect class="package" ${boxOf(box)}/></g>`,
    )
    .join("");
}

function boxOf({ x, y, width, height }: Rectangle): string {
  const at = (value: number): string => value.toFixed(1);
  // A hair of space keeps neighbours apart.
  return `x="${at(x + 1)}" y="${at(y + 1)}" width="${at(Math.max(0, width - 2))}" height="${at(Math.max(0, height - 2))}"`;
}

/** As many lines as fit, each only if it fits whole. */
function renderLabel(box: Rectangle, lines: readonly string[]): string {
  return lines
    .map((line, at) => ({ line, y: box.y + 22 + 18 * at }))
    .filter(({ line, y }) => line.length * LETTER_WIDTH < box.width - 16 && y < box.y + box.height - 8)
    .map(({ line, y }) => `<text x="${(box.x + 10).toFixed(1)}" y="${y.toFixed(1)}">${escapeHtml(line)}</text>`)
    .join("");
}

export interface Series {
  readonly name: string;
  /** Bytes by release, oldest first; undefined where that release has no such file. */
  readonly bytes: readonly (number | undefined)[];
}

/** A line for each series over the releases; with fewer than two releases there is nothing to draw. */
export function renderHistory(versions: readonly string[], series: readonly Series[]): string {
  if (versions.length < 2) return "";
  const most = Math.max(...series.flatMap(({ bytes }) => bytes.map((value) => value ?? 0)), 1);
  const x = (at: number): number =>
    CHART.left + ((CHART.width - CHART.left - CHART.right) * at) / Math.max(1, versions.length - 1);
  const y = (bytes: number): number =>
    CHART.height - CHART.bottom - ((CHART.height - CHART.top - CHART.bottom) * bytes) / most;
  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const line = y(share * most).toFixed(1);
    return `<line class="grid" x1="${CHART.left}" x2="${CHART.width - CHART.right}" y1="${line}" y2="${line}"/><text class="axis" x="${CHART.left - 8}" y="${line}" text-anchor="end" dominant-baseline="middle">${formatSize(Math.round(share * most))}</text>`;
  });
  const names = versions.map(
    (version, at) =>
      `<text class="axis" x="${x(at).toFixed(1)}" y="${CHART.height - 10}" text-anchor="${at === 0 ? "start" : at === versions.length - 1 ? "end" : "middle"}">${escapeHtml(version)}</text>`,
  );
  const lines = series.map(({ name, bytes }, number) => {
    const points = bytes.flatMap((value, at) => (value === undefined ? [] : [{ value, at }]));
    const path = points.map(({ value, at }) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    const dots = points.map(
      ({ value, at }) =>
        `<circle cx="${x(at).toFixed(1)}" cy="${y(value).toFixed(1)}" r="3.5"><title>${escapeHtml(`${name} ${versions[at] ?? ""}: ${formatSize(value)}`)}</title></circle>`,
    );
    return `<g class="line line-${number % 6}"><polyline points="${path}"/>${dots.join("")}</g>`;
  });
  return `<svg class="chart" viewBox="0 0 ${CHART.width} ${CHART.height}" role="img" aria-label="File sizes by release">${grid.join("")}${names.join("")}${lines.join("")}</svg>`;
}
