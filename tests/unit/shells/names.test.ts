import * as fc from "fast-check";
import { expect, test } from "vitest";
import { escapeXml, renderPlist } from "../../../build/formats/plist.ts";
import { fileNameOf } from "../../../build/shells/bundle-name.ts";

test.each([
  ["ERTH Assistant", "win32", "ERTH Assistant"],
  ["ERTH Assistant", "darwin", "ERTH Assistant"],
  ['Say "hi": a/b\\c?*<>|', "win32", "Say -hi-- a-b-c-----"],
  ["a/b:c", "darwin", "a-b-c"],
  ["a/b:c", "linux", "a-b:c"],
  ["Ends. ", "win32", "Ends"],
  ["..", "linux", "fallback"],
  ["con", "win32", "con_"],
  ["COM1.app", "win32", "COM1.app_"],
  ["con", "linux", "con"],
  ["試 🎉", "win32", "試 🎉"],
  ["tab\there", "darwin", "tabhere"],
] as const)("%j on %s is %j", (name, os, expected) => {
  expect(fileNameOf(name, "fallback", os)).toBe(expected);
});

test("no name leads out of its folder or is empty", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.constantFrom("win32", "darwin", "linux"), (name, os) => {
      const file = fileNameOf(name, "slug", os);
      expect(file).not.toMatch(/[/\0]/);
      expect(["", ".", ".."]).not.toContain(file);
      expect(file.startsWith(".")).toBe(false);
    }),
  );
});

test("a property list keeps order, escapes text and drops what XML cannot hold", () => {
  expect(renderPlist({ b: 'A & "B" <\u0007>', a: [1, true, []], c: {} })).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>b</key>
	<string>A &amp; &quot;B&quot; &lt;&gt;</string>
	<key>a</key>
	<array>
		<integer>1</integer>
		<true/>
		<array/>
	</array>
	<key>c</key>
	<dict/>
</dict>
</plist>
`);
  expect(() => renderPlist(0.5)).toThrow(TypeError);
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => !/[<>"']/.test(escapeXml(text))));
});
