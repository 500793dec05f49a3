import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { resolveConfig } from "../../../build/config/resolve.ts";
import { ProblemsError } from "../../../runtime/base/errors.ts";

const fixtures = new URL("../../fixtures/configs/", import.meta.url);

test("ten faults are reported at once, each with its file, field, value and fix", async () => {
  const file = new URL("ten-faults/erth.config.json", fixtures).pathname;
  const user: unknown = JSON.parse(readFileSync(file, "utf8"));
  let problems: ProblemsError | undefined;
  try {
    resolveConfig(user, file);
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error;
    problems = error;
  }
  expect(problems?.problems).toHaveLength(10);
  const text = problems!.problems
    .map(({ code, message, remedy }) => `error[${code}] ${message}\n  do  ${remedy}\n`)
    .join("");
  await expect(text.replaceAll(fixtures.pathname, "<fixtures>/")).toMatchFileSnapshot("ten-faults.txt");
});
