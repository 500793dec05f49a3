/**
 * `.desktop` files, by which Linux desktops know an app: Desktop Entry
 * Specification 1.5. Two layers of escaping: an argument of `Exec` is quoted
 * first, and any string is escaped as a value after that.
 */

export interface DesktopEntry {
  /** As menus show it. */
  readonly name: string;
  /** One line, for a tooltip; left out where it is empty. */
  readonly comment: string;
  /** The program and its arguments; a field code such as `%U` is an argument of its own. */
  readonly exec: readonly string[];
  /** Name of an icon in the theme, or an absolute path. */
  readonly icon: string;
  /** Registered categories of the Desktop Menu Specification. */
  readonly categories: readonly string[];
  readonly keywords: readonly string[];
  /** Media types that the app opens; a URL scheme is `x-scheme-handler/<scheme>`. */
  readonly mimeTypes: readonly string[];
  /** WM_CLASS or Wayland app id of the app's windows. */
  readonly startupWmClass: string;
}

/** The text of the file. Empty lists are left out. */
export function renderDesktopEntry(entry: DesktopEntry): string {
  const lines: readonly (readonly [key: string, value: string])[] = [
    ["Type", "Application"],
    ["Version", "1.0"],
    ["Name", escapeValue(entry.name)],
    ["Comment", escapeValue(entry.comment)],
    ["Exec", escapeValue(entry.exec.map(quoteArgument).join(" "))],
    ["Icon", escapeValue(entry.icon)],
    ["Terminal", "false"],
    ["Categories", renderList(entry.categories)],
    ["Keywords", renderList(entry.keywords)],
    ["MimeType", renderList(entry.mimeTypes)],
    ["StartupNotify", "true"],
    ["StartupWMClass", escapeValue(entry.startupWmClass)],
  ];
  const text = lines.filter(([, value]) => value !== "").map(([key, value]) => `${key}=${value}\n`);
  return `[Desktop Entry]\n${text.join("")}`;
}

/** §4, values of type string: what would end the line, or be trimmed off it. */
function escapeValue(text: string): string {
  const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  return text.replace(/[\\\n\r\t]/g, (character) => escapes[character] ?? "").replace(/^ | $/g, "\\s");
}

/** §4, several values: a semicolon ends each, and is escaped inside one. */
function renderList(values: readonly string[]): string {
  return values.map((value) => `${escapeValue(value).replaceAll(";", "\\;")};`).join("");
}

/** §7: an argument in double quotes where it has a reserved character; `%` doubled, unless it is a field code. */
function quoteArgument(argument: string): string {
  if (/^%[fFuU]$/.test(argument)) return argument;
  const text = argument.replaceAll("%", "%%");
  if (text !== "" && !/[\s"'\\><~|&;$*?#()`]/.test(text)) return text;
  return `"${text.replace(/["`$\\]/g, "\\$&")}"`;
}
