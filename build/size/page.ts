/** `erth size --html`: one self-contained page, nothing loaded, no script; every file's treemap and the history of releases. Pure. */
import type { Problem } from "../../runtime/base/errors.ts";
import type { Manifest } from "../artifacts/manifest.ts";
import { formatSize } from "../config/size.ts";
import type { SizeReport } from "./budget.ts";
import { escapeHtml, partClass, renderHistory, renderTreemap, type Series } from "./charts.ts";
import { formatChange } from "./markdown.ts";
import { PAGE_STYLE } from "./page.css.ts";

export interface SizePage {
  readonly manifest: Manifest;
  readonly reports: readonly SizeReport[];
  readonly problems: readonly Problem[];
  /** Oldest first, this one last. */
  readonly releases: readonly Manifest[];
}

export function renderSizePage({ manifest, reports, problems, releases }: SizePage): string {
  const title = escapeHtml(`${manifest.name} ${manifest.version}: size`);
  const history = renderHistory(
    releases.map(({ version }) => version),
    reports.map((report) => seriesOf(report, releases)),
  );
  return [
    "<!doctype html>",
    `<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">`,
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<title>${title}</title><style>${PAGE_STYLE}</style></head><body>`,
    `<h1>${escapeHtml(manifest.name)} ${escapeHtml(manifest.version)}</h1>`,
    `<p class="lead">${reports.length} ${reports.length === 1 ? "file" : "files"}; areas are what each part takes in the finished file.</p>`,
    ...problems.map(
      ({ message, remedy }) => `<p class="problem">${escapeHtml(message)}<br><small>${escapeHtml(remedy)}</small></p>`,
    ),
    ...reports.map((report, at) => renderFile(report, at === 0)),
    ...(history === "" ? [] : ["<h2>Releases</h2>", `<div class="inside">${history}</div>`, renderLegend(reports)]),
    "</body></html>\n",
  ].join("\n");
}

function seriesOf({ target, format, path }: SizeReport, releases: readonly Manifest[]): Series {
  const bytes = releases.map(
    ({ artifacts }) => artifacts.find((file) => file.target === target && file.format === format)?.bytes,
  );
  return { name: path, bytes };
}

function renderFile(report: SizeReport, isOpen: boolean): string {
  const share = Number.isFinite(report.budgetBytes) ? report.bytes / report.budgetBytes : 0;
  const over = share > 1 ? " over" : "";
  const width = (100 * Math.min(1, share)).toFixed(1);
  const rows = report.parts.map((part) => [
    `<i class="${partClass(part.part)}"></i>${escapeHtml(part.part)}`,
    formatSize(part.compressedBytes),
    renderChange(part.grownBytes),
    formatSize(part.diskBytes),
  ]);
  const packages = report.packages
    .slice(0, 20)
    .map(({ name, bytes, grownBytes }) => [escapeHtml(name), formatSize(bytes), renderChange(grownBytes)]);
  return [
    `<details name="file"${isOpen ? " open" : ""}><summary><b>${escapeHtml(report.path)}</b>`,
    `<span>${formatSize(report.bytes)} ${renderChange(report.grownBytes)}</span>`,
    `<span class="bar${over}" title="${(100 * share).toFixed(0)}% of the budget"><b style="width: ${width}%"></b></span></summary>`,
    `<div class="inside">${renderTreemap(report)}`,
    renderTable(["part", "in the file", "since last", "installed"], rows),
    packages.length === 0 ? "" : renderTable(["script of", "size", "since last"], packages),
    "</div></details>",
  ].join("\n");
}

function renderChange(bytes: number | undefined): string {
  const text = formatChange(bytes);
  if (bytes === undefined || bytes === 0) return text;
  return `<span class="${bytes > 0 ? "up" : "down"}">${text}</span>`;
}

/** Cells are HTML already. */
function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join("")}</tr>`;
  return `<table>${line(head, "th")}${rows.map((row) => line(row, "td")).join("")}</table>`;
}

function renderLegend(reports: readonly SizeReport[]): string {
  const entries = reports.map(({ path }, at) => `<span><i class="part-${at % 6}"></i>${escapeHtml(path)}</span>`);
  return `<p>${entries.join(" &emsp; ")}</p>`;
}
