import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createLineCutter, LINE_LIMIT } from "../../../../runtime/supervisor/lines.ts";

function cut(chunks: readonly (string | Uint8Array)[]): string[] {
  const lines: string[] = [];
  const cutter = createLineCutter((line) => lines.push(line));
  for (const chunk of chunks) cutter.push(Buffer.from(chunk));
  cutter.end();
  return lines;
}

test("lines come whole, also across pieces and without a last line feed", () => {
  expect(cut(["a\nb", "c\n\nd"])).toEqual(["a", "bc", "", "d"]);
  expect(cut([])).toEqual([]);
});

test("a character that is cut in two is one character", () => {
  const bytes = Buffer.from("空 🦉\n");
  expect(cut([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(["空 🦉"]);
});

test("terminal escapes and control characters go, tabs stay", () => {
  expect(cut(["\u001B[31mERROR\u001B[0m\ta\rb\u0000\u0008\u2028c\r\n"])).toEqual(["ERROR\tabc"]);
});

test("a line without an end does not grow for ever", () => {
  const lines = cut(Array.from({ length: 10 }, () => "x".repeat(LINE_LIMIT / 2 + 1)));
  expect(lines.join("")).toHaveLength(10 * (LINE_LIMIT / 2 + 1));
  expect(Math.max(...lines.map((line) => line.length))).toBe(LINE_LIMIT);
});

test("any bytes give lines without line feeds, however they are cut", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (chunks) => {
      const lines = cut(chunks);
      expect(lines).toEqual(cut([Buffer.concat(chunks)]));
      for (const line of lines) expect(line).not.toContain("\n");
    }),
  );
});
