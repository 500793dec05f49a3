import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { AppFacts } from "../../../../runtime/base/app-facts.ts";
import { ErthError } from "../../../../runtime/base/errors.ts";
import { parseAppFacts, readAppFacts } from "../../../../runtime/shell/app-facts-file.ts";

const facts: AppFacts = {
  v: 1,
  name: 'Quote " 試 🎉',
  slug: "quote",
  identifier: "dev.erth.quote",
  version: "1.2.3-beta.1",
  shell: "webview",
  window: { title: "試", width: 900, height: 700, minWidth: 0, minHeight: 0 },
  sidecar: { kind: "pkg", executable: "../bin/quote-sidecar" },
};

test("reads back what assemble-app writes", () => {
  expect(parseAppFacts(JSON.stringify(facts))).toEqual(facts);
  const bun: AppFacts = { ...facts, sidecar: { kind: "bun", script: "sidecar/main.js" } };
  expect(parseAppFacts(JSON.stringify(bun))).toEqual(bun);
});

test.each([
  [{ v: 2 }, "v is 2"],
  [{ name: "" }, 'name is ""'],
  [{ version: undefined }, "version is undefined"],
  [{ shell: "electron" }, 'shell is "electron"'],
  [{ identifier: "../../etc" }, "identifier"],
  [{ identifier: "a/b" }, "identifier"],
  [{ window: null }, "window is not an object"],
  [{ window: { ...facts.window, width: "900" } }, "window.width"],
  [{ window: { ...facts.window, minHeight: -1 } }, "window.minHeight"],
  [{ sidecar: { kind: "python" } }, 'sidecar.kind is "python"'],
  [{ sidecar: { kind: "pkg", executable: "a\0b" } }, "sidecar.executable"],
])("names the field: %j", (change, expected) => {
  expect(() => parseAppFacts(JSON.stringify({ ...facts, ...change }))).toThrow(expected);
});

test("any text gives facts or an APP_FACTS error, at every truncation too", () => {
  const parse = (text: string): boolean => {
    try {
      parseAppFacts(text);
      return true;
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(ErthError);
      expect(thrown).toMatchObject({ code: "APP_FACTS" });
      return false;
    }
  };
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => !parse(text)));
  const whole = JSON.stringify(facts);
  for (let end = 0; end < whole.length; end += 1) expect(parse(whole.slice(0, end))).toBe(false);
});

test("a missing file is told with its path", () => {
  expect(() => readAppFacts("/nowhere/at/all")).toThrow("/nowhere/at/all/app.json");
});
