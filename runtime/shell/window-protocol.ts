/**
 * How the supervisor process and the window process of the webview shell talk:
 * one JSON line each way. Commands arrive on the window's stdin, whose end of
 * file means that the supervisor is gone. Events leave on its stdout behind a
 * prefix, because GTK and WebKit may print there too.
 */

/** Starts every event line; a control character that no library prints at the start of a line. */
export const EVENT_PREFIX = "\u001eerth ";

export interface OpenCommand {
  readonly do: "open";
  /** Identifies the app to the desktop: GTK program name, WM class, Wayland app id. */
  readonly identifier: string;
  readonly title: string;
  readonly width: number;
  readonly height: number;
  readonly minWidth: number;
  readonly minHeight: number;
  readonly url: string;
}

export type WindowCommand =
  | OpenCommand
  | { readonly do: "navigate"; readonly url: string }
  | { readonly do: "title"; readonly title: string }
  | { readonly do: "focus" }
  | { readonly do: "close" };

export type WindowEvent =
  /** The native window exists. */
  | { readonly event: "opened" }
  /** No window can be made; `code` and `remedy` go to the user as they are. */
  | { readonly event: "failed"; readonly code: string; readonly message: string; readonly remedy: string }
  /** The window kept a page from leaving the app; `url` is its origin only. */
  | { readonly event: "refused"; readonly url: string }
  /** The window is gone in good order. */
  | { readonly event: "closed"; readonly by: "user" | "command" };

/** One line of stdin, without its newline. */
export function encodeCommand(command: WindowCommand): string {
  return JSON.stringify(command);
}

/** One line of stdout, without its newline. */
export function encodeEvent(event: WindowEvent): string {
  return EVENT_PREFIX + JSON.stringify(event);
}

/** The event in a line of stdout, or undefined if the line is a library's own output or malformed. */
export function parseEvent(line: string): WindowEvent | undefined {
  if (!line.startsWith(EVENT_PREFIX)) return undefined;
  const fields = parseObject(line.slice(EVENT_PREFIX.length));
  switch (fields?.event) {
    case "opened":
      return { event: "opened" };
    case "failed": {
      const { code, message, remedy } = fields;
      if (typeof code !== "string" || typeof message !== "string" || typeof remedy !== "string") return undefined;
      return { event: "failed", code, message, remedy };
    }
    case "refused":
      return typeof fields.url === "string" ? { event: "refused", url: fields.url } : undefined;
    case "closed":
      return fields.by === "user" || fields.by === "command" ? { event: "closed", by: fields.by } : undefined;
    default:
      return undefined;
  }
}

/** The command in a line of stdin, or undefined if it is not one. */
export function parseCommand(line: string): WindowCommand | undefined {
  const fields = parseObject(line);
  switch (fields?.do) {
    case "open": {
      const { identifier, title, width, height, minWidth, minHeight, url } = fields;
      if (typeof identifier !== "string" || typeof title !== "string" || typeof url !== "string") return undefined;
      if (!isSize(width) || !isSize(height) || !isSize(minWidth) || !isSize(minHeight)) return undefined;
      return { do: "open", identifier, title, width, height, minWidth, minHeight, url };
    }
    case "navigate":
      return typeof fields.url === "string" ? { do: "navigate", url: fields.url } : undefined;
    case "title":
      return typeof fields.title === "string" ? { do: "title", title: fields.title } : undefined;
    case "focus":
    case "close":
      return { do: fields.do };
    default:
      return undefined;
  }
}

/** Whole lines out of a stream of chunks; the rest waits for the next chunk. */
export function lineSplitter(onLine: (line: string) => void): (chunk: string) => void {
  let rest = "";
  return (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  };
}

function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 32_767;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    // Not JSON: a library's line, or one cut short by the death of its writer.
    return undefined;
  }
}
