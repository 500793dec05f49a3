import { inspect } from "node:util";
import { expect, test } from "vitest";
import { ErthError, messageOf, ProblemsError, systemCode } from "../../../../runtime/base/errors.ts";
import { Secret } from "../../../../runtime/base/secret.ts";

const problem = { code: "A_CODE", message: "what happened", remedy: "erth doctor" };

test("an ErthError is an Error that carries its problem, cause and facts", () => {
  const cause = new Error("below");
  const error = new ErthError({ ...problem, cause, facts: { path: "x" } });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ ...problem, cause, facts: { path: "x" }, name: "ErthError" });
  expect("cause" in new ErthError(problem)).toBe(false);
});

test("a ProblemsError reads as its first problem and holds all", () => {
  const error = new ProblemsError([problem, { ...problem, code: "OTHER" }]);
  expect(error.code).toBe("A_CODE");
  expect(error.problems.map(({ code }) => code)).toEqual(["A_CODE", "OTHER"]);
  expect(new ProblemsError([]).code).toBe("UNKNOWN");
});

test("anything thrown has a message, only system errors have a code", () => {
  expect([messageOf(new Error("a")), messageOf("b"), messageOf(undefined)]).toEqual(["a", "b", "undefined"]);
  expect(systemCode(Object.assign(new Error("a"), { code: "ENOENT" }))).toBe("ENOENT");
  expect(systemCode(Object.assign(new Error("a"), { code: 5 }))).toBeUndefined();
  expect(systemCode({ code: "ENOENT" })).toBeUndefined();
});

test("a Secret never prints", () => {
  const secret = new Secret("hunter2");
  const forms = [String(secret), JSON.stringify({ secret }), inspect(secret), inspect({ a: [secret] })];
  expect(forms.join()).not.toContain("hunter2");
  expect(secret.reveal()).toBe("hunter2");
});
