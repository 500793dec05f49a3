/** `--json`: one event a line on stdout, nothing else. */
import type { Reporter } from "./reporter.ts";

export function jsonReporter(write: (line: string) => void): Reporter {
  return {
    show: (event) => {
      if (event.type === "result")
        write(`${JSON.stringify({ type: event.type, name: event.name, value: event.value })}\n`);
      else write(`${JSON.stringify(event)}\n`);
    },
    close: () => undefined,
  };
}
