import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { z } from "zod";
import { renderJsonSchema } from "../../../build/config/json-schema.ts";
import { configSchema } from "../../../build/config/schema.ts";

test("erth.schema.json is what the schema gives; if not: node build/config/json-schema.ts", () => {
  const file = readFileSync(new URL("../../../erth.schema.json", import.meta.url), "utf8");
  expect(file).toBe(renderJsonSchema());
});

test("every field has its doc line", () => {
  const undocumented: string[] = [];
  const walk = (node: unknown, path: string): void => {
    if (typeof node !== "object" || node === null) return;
    if (path !== "" && !("description" in node)) undocumented.push(path);
    if (!("properties" in node) || typeof node.properties !== "object") return;
    for (const [key, child] of Object.entries(node.properties ?? {})) walk(child, `${path}.${key}`);
  };
  walk(z.toJSONSchema(configSchema, { io: "input" }), "");
  expect(undocumented).toEqual([]);
});
