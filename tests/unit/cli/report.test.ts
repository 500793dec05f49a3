import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { jsonReporter } from "../../../build/cli/report/json.ts";
import { fit, pad, renderBar, renderDuration, renderTable } from "../../../build/cli/report/table.ts";
import { terminalReporter } from "../../../build/cli/report/terminal.ts";

test("a table lines up with CJK and emoji in its cells", () => {
  expect(
    renderTable(
      ["name", "size"],
      [
        ["メモ帳", "1 MB"],
        ["notes", "12 MB"],
      ],
      ["left", "right"],
    ),
  ).toBe("  name     size\n  ──────  ─────\n  メモ帳   1 MB\n  notes   12 MB\n");
  expect(pad("👩‍🚀", 4)).toBe("👩‍🚀  ");
});

test("bars, durations and cut lines", () => {
  expect(renderBar(0.5, 4)).toBe("██░░");
  expect(renderBar(7, 4)).toBe("████");
  expect([renderDuration(412), renderDuration(125_000)]).toEqual(["0.4 s", "2 min 05 s"]);
  expect(fit("メモ帳", 5)).toBe("メモ");
});

function collect(isTTY: boolean) {
  let err = "";
  let out = "";
  let now = 0;
  const reporter = terminalReporter({
    err: { write: (text: string) => (err += text), isTTY, columns: 60 },
    out: { write: (text: string) => (out += text) },
    quiet: false,
    color: false,
    clockMs: () => now,
  });
  return { reporter, err: () => err, out: () => out, setClock: (ms: number) => (now = ms) };
}

test("without a terminal there is a line for each finished stage and no cursor movement", () => {
  const { reporter, err } = collect(false);
  reporter.show({ type: "stage-started", stage: "package", target: "linux-x64", why: "first run" });
  reporter.show({
    type: "progress",
    stage: "package",
    target: "linux-x64",
    label: "frames",
    done: 1,
    total: 2,
    unit: "bytes",
  });
  reporter.show({ type: "stage-finished", stage: "package", target: "linux-x64", ms: 1234, cached: false });
  reporter.close();
  expect(err()).toBe("  ✓ package             linux-x64       1.2 s\n");
  expect(stripVTControlCharacters(err())).toBe(err());
});

test("on a terminal a running stage never wraps, and is erased when it ends", () => {
  const { reporter, err } = collect(true);
  reporter.show({ type: "stage-started", stage: "package", target: "linux-x64", why: "x".repeat(200) });
  reporter.show({ type: "stage-finished", stage: "sidecar", target: "darwin-arm64", ms: 10, cached: true });
  reporter.close();
  for (const line of stripVTControlCharacters(err()).split("\n")) expect(line.length).toBeLessThan(60);
  expect(err().endsWith("\u001b[1A\u001b[0J")).toBe(true);
});

test("--json is one event a line", () => {
  const lines: string[] = [];
  const reporter = jsonReporter((line) => lines.push(line));
  reporter.show({ type: "problem", code: "A", message: "two\nlines", remedy: "b" });
  reporter.show({ type: "result", name: "matrix", value: { include: [] }, text: "ignored" });
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    { type: "problem", code: "A", message: "two\nlines", remedy: "b" },
    { type: "result", name: "matrix", value: { include: [] } },
  ]);
  expect(lines.every((line) => line.indexOf("\n") === line.length - 1)).toBe(true);
});
