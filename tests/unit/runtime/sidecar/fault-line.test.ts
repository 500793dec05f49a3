import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ErthError, ProblemsError } from "../../../../runtime/base/errors.ts";
import { parseFaultLine, renderFaultLine } from "../../../../runtime/sidecar/fault-line.ts";

const problem = { code: "A_CODE", message: "what\nhappened", remedy: "do this" };

test("an error comes back as its problems, on one line, without its facts", () => {
  const line = renderFaultLine(new ErthError({ ...problem, facts: { path: "/private" } }));
  expect(line.indexOf("\n")).toBe(line.length - 1);
  expect(line).not.toContain("/private");
  expect(parseFaultLine(line.trimEnd())).toEqual([problem]);
});

test("several problems stay several, up to twenty", () => {
  const many = Array.from({ length: 30 }, (_, index) => ({ ...problem, code: `C${index}` }));
  expect(parseFaultLine(renderFaultLine(new ProblemsError(many)).trimEnd())).toEqual(many.slice(0, 20));
});

test("any other line is a log line", () => {
  fc.assert(fc.property(fc.string(), (line) => parseFaultLine(line) === undefined));
  for (const rest of ["", "[]", "{}", "[1]", "null", '[{"code":1,"message":"","remedy":""}]', '[{"code":"a"}]']) {
    expect(parseFaultLine(`erth-error: ${rest}`), rest).toBeUndefined();
  }
});

test("every cut of a line is a log line", () => {
  const line = renderFaultLine(new ErthError(problem)).trimEnd();
  for (let length = 0; length < line.length; length += 1) expect(parseFaultLine(line.slice(0, length))).toBeUndefined();
});
