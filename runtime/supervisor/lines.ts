/** Cuts a child's output into log lines: whole UTF-8, no control sequences, bounded length. */
import { StringDecoder } from "node:string_decoder";
import { stripVTControlCharacters } from "node:util";

/** A longer line is cut into pieces of this many characters. */
export const LINE_LIMIT = 8192;

export interface LineCutter {
  push(chunk: Uint8Array): void;
  /** Hands out what stands without a line feed. */
  end(): void;
}

/** Calls `onLine` with each line, without its end. */
export function createLineCutter(onLine: (line: string) => void): LineCutter {
  const decoder = new StringDecoder("utf8");
  let held = "";
  const take = (text: string): void => {
    const lines = (held + text).split("\n");
    held = lines.pop() ?? "";
    for (const line of lines) emit(line);
    while (held.length > LINE_LIMIT) {
      emit(held.slice(0, LINE_LIMIT));
      held = held.slice(LINE_LIMIT);
    }
  };
  const emit = (line: string): void => {
    for (let at = 0; at === 0 || at < line.length; at += LINE_LIMIT) onLine(clean(line.slice(at, at + LINE_LIMIT)));
  };
  return {
    push: (chunk) => take(decoder.write(Buffer.from(chunk))),
    end: () => {
      take(decoder.end());
      if (held !== "") emit(held);
      held = "";
    },
  };
}

/** Drops terminal escapes and control characters, so that a line cannot pose as another or repaint a terminal. */
function clean(line: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this removes
  return stripVTControlCharacters(line).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]/g, "");
}
