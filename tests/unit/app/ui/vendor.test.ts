import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const read = (path: string): string => readFileSync(new URL(`../../../../${path}`, import.meta.url), "utf8");

test.each([
  ["htmx.min.js", "dist/htmx.min.js"],
  ["hx-csp.min.js", "dist/ext/hx-csp.min.js"],
  ["htmx-LICENSE", "LICENSE"],
])("%s is the installed package's file, unchanged", (vendored, original) => {
  expect(read(`app/ui/vendor/${vendored}`)).toBe(read(`node_modules/htmx.org/${original}`));
});

test("the note names the version", () => {
  expect(read("app/ui/vendor/README.md")).toContain("`htmx.org@4.0.1`");
  expect(read("node_modules/htmx.org/package.json")).toContain('"version": "4.0.1"');
});
