import { expect, test } from "vitest";
import { renderDesktopEntry, type DesktopEntry } from "../../../build/formats/desktop-entry.ts";

const PLAIN: DesktopEntry = {
  name: "Notes",
  comment: "",
  exec: ["notes"],
  icon: "com.example.notes",
  categories: ["Utility"],
  keywords: [],
  mimeTypes: [],
  startupWmClass: "com.example.notes",
};

/** The value of a key; undefined where it is left out. */
function value(change: Partial<DesktopEntry>, key: string): string | undefined {
  const lines = renderDesktopEntry({ ...PLAIN, ...change }).split("\n");
  return lines.find((line) => line.startsWith(`${key}=`))?.slice(key.length + 1);
}

test("what is empty is left out", () => {
  expect(renderDesktopEntry(PLAIN)).toBe(`[Desktop Entry]
Type=Application
Version=1.0
Name=Notes
Exec=notes
Icon=com.example.notes
Terminal=false
Categories=Utility;
StartupNotify=true
StartupWMClass=com.example.notes
`);
});

test.each([
  ["plain", "notes", "notes"],
  ["a field code", "%U", "%U"],
  ["a percent sign", "100%", "100%%"],
  ["a space", "/opt/My Notes/run", '"/opt/My Notes/run"'],
  ["nothing", "", '""'],
  // Quoting comes first, and its backslashes are escaped as those of any value are.
  ["a quote", `a"b`, `"a\\\\"b"`],
  ["a dollar", "$HOME", `"\\\\$HOME"`],
  ["a backslash", "a\\b", `"a\\\\\\\\b"`],
])("an argument with %s", (_what, argument, expected) => {
  expect(value({ exec: ["x", argument] }, "Exec")).toBe(`x ${expected}`);
});

test("values cannot end their line, and lists keep their semicolons", () => {
  expect(value({ comment: "one\ntwo\\three\tfour" }, "Comment")).toBe("one\\ntwo\\\\three\\tfour");
  expect(value({ comment: " in between " }, "Comment")).toBe("\\sin between\\s");
  expect(value({ keywords: ["a;b", "c"] }, "Keywords")).toBe("a\\;b;c;");
});
