/**
 * Progress for people. On a terminal, running stages are redrawn in place with
 * a bar and a clock, finished ones scroll up; elsewhere a line per finished
 * stage, and one every ten seconds for a stage that takes longer.
 */
import { styleText } from "node:util";
import type { ManifestFile } from "../../artifacts/manifest.ts";
import { formatSize } from "../../config/size.ts";
import type { SizeReport } from "../../size/budget.ts";
import { formatChange } from "../../size/markdown.ts";
import type { Reporter } from "./reporter.ts";
import { fit, pad, renderBar, renderDuration, renderTable } from "./table.ts";

export interface TerminalOptions {
  /** Progress goes here, so that results on `out` can be piped. */
  readonly err: { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number };
  readonly out: { write(text: string): unknown };
  readonly quiet: boolean;
  readonly color: boolean;
  readonly clockMs: () => number;
}

interface Running {
  readonly stage: string;
  readonly target: string;
  readonly startedMs: number;
  label: string;
  done: number;
  total: number;
  unit: "bytes" | "items";
  spokenMs: number;
}

const REDRAW_MS = 120;
const HEARTBEAT_MS = 10_000;
const BAR_WIDTH = 18;
/** The longest stage: `package-single-file`. */
const STAGE_WIDTH = 19;

export function terminalReporter(options: TerminalOptions): Reporter {
  const { err, out, quiet, clockMs } = options;
  const isLive = Boolean(err.isTTY) && !quiet;
  const paint = (format: Parameters<typeof styleText>[0], text: string): string =>
    options.color ? styleText(format, text, { validateStream: false }) : text;
  const running = new Map<string, Running>();
  const files: ManifestFile[] = [];
  let drawnLines = 0;
  let timer: NodeJS.Timeout | undefined;

  const erase = (): void => {
    if (drawnLines > 0) err.write(`\u001b[${drawnLines}A\u001b[0J`);
    drawnLines = 0;
  };
  const print = (text: string): void => {
    erase();
    err.write(`${text}\n`);
    draw();
  };
  const describe = (task: Running): string => {
    const time = renderDuration(clockMs() - task.startedMs);
    const name = `${pad(task.stage, STAGE_WIDTH)} ${pad(task.target, 12)}`;
    if (task.total <= 0) return `  › ${name} ${pad(time, 8, "right")}  ${task.label}`;
    const amount =
      task.unit === "bytes" ? `${formatSize(task.done)} of ${formatSize(task.total)}` : `${task.done} of ${task.total}`;
    return `  › ${name} ${pad(time, 8, "right")}  ${renderBar(task.done / task.total, BAR_WIDTH)} ${amount}  ${task.label}`;
  };
  const draw = (): void => {
    if (!isLive) return;
    const lines = [...running.values()].map((task) => fit(describe(task), (err.columns ?? 80) - 1));
    if (lines.length > 0) err.write(`${lines.join("\n")}\n`);
    drawnLines = lines.length;
  };
  const tick = (): void => {
    if (isLive) {
      erase();
      draw();
      return;
    }
    for (const task of running.values()) {
      if (clockMs() - task.spokenMs < HEARTBEAT_MS || quiet) continue;
      task.spokenMs = clockMs();
      err.write(`${describe(task)}\n`);
    }
  };
  const begin = (key: string, stage: string, target: string, label: string): Running => {
    const task: Running = {
      stage,
      target,
      startedMs: clockMs(),
      label,
      done: 0,
      total: 0,
      unit: "items",
      spokenMs: clockMs(),
    };
    running.set(key, task);
    timer ??= setInterval(tick, REDRAW_MS);
    timer.unref();
    return task;
  };
  const line = (mark: string, stage: string, target: string, rest: string): void => {
    if (!quiet)
      print(`  ${mark} ${pad(stage, STAGE_WIDTH)} ${pad(target === "any" ? "all targets" : target, 12)} ${rest}`);
  };

  return {
    show(event) {
      switch (event.type) {
        case "stage-started":
          begin(
            `${event.stage} ${event.target}`,
            event.stage,
            event.target === "any" ? "all targets" : event.target,
            event.why,
          );
          break;
        case "progress": {
          const task = running.get(`${event.stage} ${event.target}`);
          if (task) Object.assign(task, { label: event.label, done: event.done, total: event.total, unit: event.unit });
          break;
        }
        case "vendor": {
          const key = `fetch ${event.name}`;
          const task = running.get(key) ?? begin(key, "fetch", "", event.name);
          Object.assign(task, { done: event.doneBytes, total: event.totalBytes ?? 0, unit: "bytes" });
          if (event.totalBytes !== undefined && event.doneBytes >= event.totalBytes) {
            running.delete(key);
            line(paint("green", "✓"), "fetch", "", `${event.name}, ${formatSize(event.totalBytes)}`);
          }
          break;
        }
        case "stage-finished": {
          running.delete(`${event.stage} ${event.target}`);
          const time = pad(renderDuration(event.ms), 8, "right");
          line(
            event.cached ? paint("dim", "=") : paint("green", "✓"),
            event.stage,
            event.target,
            event.cached ? paint("dim", `${time}  unchanged`) : time,
          );
          break;
        }
        case "stage-skipped":
          line(paint("dim", "-"), event.stage, event.target, paint("dim", event.reason));
          break;
        case "log":
          line(" ", event.stage, event.target, paint("dim", event.text));
          break;
        case "warning":
          print(
            `${paint("yellow", "warning")} ${event.stage}${event.target === "any" ? "" : ` ${event.target}`}: ${event.text}`,
          );
          break;
        case "progress-line":
          if (!quiet) print(`  ${paint("dim", event.text)}`);
          break;
        case "notice":
          print(`${paint("yellow", "warning")} ${event.text}`);
          break;
        case "problem":
          print(`${paint("red", `error[${event.code}]`)} ${event.message}\n  ${paint("bold", "do")}  ${event.remedy}`);
          break;
        case "text":
          erase();
          out.write(event.text);
          break;
        case "result":
          erase();
          out.write(event.text);
          break;
        case "artifact":
          files.push(event.file);
          break;
        case "size":
          out.write(renderSize(event.report));
          break;
        case "finished":
          erase();
          if (files.length > 0) out.write(`\n${renderFiles(files)}`);
          if (!quiet)
            err.write(
              `${event.exitCode === 0 ? paint("green", "done") : paint("red", "failed")} in ${renderDuration(event.ms)}\n`,
            );
          break;
      }
    },
    close() {
      clearInterval(timer);
      erase();
    },
  };
}

function renderFiles(files: readonly ManifestFile[]): string {
  return renderTable(
    ["target", "file", "size", "sha256", "signed by", "shell", "proven"],
    files.map((file) => [
      file.target,
      file.path,
      formatSize(file.bytes),
      file.sha256.slice(0, 12),
      file.signedBy ?? "nobody",
      `${file.shell}${file.fallbackReason === undefined ? "" : " (fallback)"}`,
      file.proven.length === 0 ? "" : `${file.proven.length} of ${file.proven.length + file.unproven.length}`,
    ]),
    ["left", "left", "right", "left", "left", "left", "left"],
  );
}

function renderSize(report: SizeReport): string {
  const rows = report.parts.map((part) => [
    part.part,
    formatSize(part.compressedBytes),
    formatSize(part.diskBytes),
    formatChange(part.grownBytes),
  ]);
  rows.push(["total", formatSize(report.bytes), formatSize(report.diskBytes), formatChange(report.grownBytes)]);
  const head = ["part", "in the file", "installed", report.grownBytes === undefined ? "" : "since last"];
  return `\n  ${report.path}: ${formatSize(report.bytes)} of ${formatSize(report.budgetBytes)}\n${renderTable(head, rows, ["left", "right", "right", "right"])}`;
}
