import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cases, runCase } from "./contract.ts";

test.each(cases)("node: $name", (entry) => runCase(entry));

const bun = join(import.meta.dirname, "../../../node_modules/.bin/bun");

test.skipIf(!existsSync(bun))("bun: the same contract holds on Bun 1.3.13", () => {
  const { stdout, stderr, status } = spawnSync(bun, [join(import.meta.dirname, "contract-main.ts")], {
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  const results = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { readonly name: string; readonly error?: string });
  expect(results.filter((result) => result.error !== undefined)).toEqual([]);
  expect(results.map((result) => result.name)).toEqual(cases.map((entry) => entry.name));
  expect(status).toBe(0);
});
