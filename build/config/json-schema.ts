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
  // Short lists on one line, as the formatter has them.
  const text = JSON.stringify(schema, null, 2).replace(/\[\s+([^[\]{}]*?)\s+\]/g, (list, items: string) => {
    const line = `[${items.replace(/,\s+/g, ", ")}]`;
    return line.length <= 80 ? line : list;
  });
  return `${text}\n`;
}

if (import.meta.main) {
  const file = `${import.meta.dirname}/../../erth.schema.json`;
  writeFileSync(`${file}.tmp`, renderJsonSchema());
  renameSync(`${file}.tmp`, file);
}
