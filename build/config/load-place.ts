/** Where in a config file an error came from, read from the error's stack. */
import { pathToFileURL } from "node:url";

/**
 * `:3:7` (line and column) of the first stack entry inside this file, or "" when
 * the error does not say. Syntax errors carry only a line.
 */
export function placeOf(thrown: unknown, file: string): string {
  const stack = thrown instanceof Error ? (thrown.stack ?? "") : "";
  for (const name of [pathToFileURL(file).href, file]) {
    const start = stack.indexOf(name);
    if (start === -1) continue;
    const [, line, column] = /^:(\d+)(?::(\d+))?/.exec(stack.slice(start + name.length)) ?? [];
    if (line !== undefined) return column === undefined ? `:${line}` : `:${line}:${column}`;
  }
  return "";
}
