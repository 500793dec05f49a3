/** The size report as Markdown, for a job summary and for a comment on a pull request. Pure. */
import { formatSize } from "../config/size.ts";
import type { Problem } from "../../runtime/base/errors.ts";
import type { SizeReport } from "./budget.ts";

export interface SizeText {
  readonly name: string;
  readonly version: string;
  readonly reports: readonly SizeReport[];
  readonly problems: readonly Problem[];
}

/** One table of files, the parts folded below it; ends with a line break. */
export function renderSizeMarkdown({ name, version, reports, problems }: SizeText): string {
  const rows = reports.map((report) => [
    code(report.path),
    formatSize(report.bytes),
    formatChange(report.grownBytes),
    Number.isFinite(report.budgetBytes) ? `${Math.round((100 * report.bytes) / report.budgetBytes)}%` : "",
    formatSize(report.diskBytes),
  ]);
  return [
    `## Size of ${cell(name)} ${cell(version)}`,
    "",
    ...problems.flatMap(({ message, remedy }) => [`> **Over budget:** ${cell(message)}`, `> ${cell(remedy)}`, ""]),
    ...table(["file", "size", "since last", "of budget", "installed"], rows),
    "",
    ...reports.flatMap(details),
    "",
  ].join("\n");
}

function details(report: SizeReport): readonly string[] {
  const parts = report.parts.map((part) => [
    part.part,
    formatSize(part.compressedBytes),
    formatChange(part.grownBytes),
    formatSize(part.diskBytes),
  ]);
  const grown = report.packages.filter(({ grownBytes }) => (grownBytes ?? 0) !== 0);
  return [
    `<details><summary>${code(report.path)}</summary>`,
    "",
    ...table(["part", "in the file", "since last", "installed"], parts),
    "",
    ...(grown.length === 0
      ? []
      : [
          ...table(
            ["script of", "size", "since last"],
            grown.map(({ name, bytes, grownBytes }) => [code(name), formatSize(bytes), formatChange(grownBytes)]),
          ),
          "",
        ]),
    "</details>",
    "",
  ];
}

/** `+1.2 MB`, `−3.0 kB`, `=`; nothing without an earlier release. */
export function formatChange(bytes: number | undefined): string {
  if (bytes === undefined) return "";
  if (bytes === 0) return "=";
  return `${bytes < 0 ? "−" : "+"}${formatSize(Math.abs(bytes))}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, at) => (at === 0 ? "---" : "--:"))), ...rows.map(line)];
}

/** Names come from configs and packages: none of them may end a cell or start a tag. */
function cell(text: string): string {
  return text
    .replace(/[\r\n]+/g, " ")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replace(/[\\`*_[\]|~#]/g, "\\$&");
}

function code(text: string): string {
  return `<code>${text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("|", "&#124;")}</code>`;
}
