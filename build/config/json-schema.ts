/**
 * `erth.schema.json` for editors, from the zod schema (JSON Schema 2020-12).
 * Run as a program, this file writes it to the repository's root.
 */
import { renameSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { configSchema } from "./schema.ts";

/** The text of `erth.schema.json`: what a user may write, before defaults. */
export function renderJsonSchema(): string {
  const schema = { title: "erth.config", ...z.toJSONSchema(configSchema, { io: "input" }) };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

if (import.meta.main) {
  const file = `${import.meta.dirname}/../../erth.schema.json`;
  writeFileSync(`${file}.tmp`, renderJsonSchema());
  renameSync(`${file}.tmp`, file);
}
