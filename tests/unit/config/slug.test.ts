import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isReservedOnWindows, slugOf } from "../../../build/config/slug.ts";

test.each([
  ["ERTH Assistant", "erth-assistant"],
  ["Bob's  App!", "bobs-app"],
  ["Café Straße", "cafe-strasse"],
  ["Łódź Øresund", "lodz-oresund"],
  ["İstanbul", "istanbul"],
  ["ﬁne", "fine"],
  ["v1.0 (beta)", "v1-0-beta"],
  ["日本語 App 2", "app-2"],
  ["日本語アプリ", "sample"],
  ["🚀", "sample"],
  ["Заметки", "sample"],
  ["con", "con-app"],
  ["NUL", "nul-app"],
  ["COM¹", "com1-app"],
])("%s becomes %s", (name, slug) => {
  expect(slugOf(name, "com.example.sample")).toBe(slug);
});

test("an identifier that names nothing either leaves app", () => {
  expect(slugOf("🚀", "com.---")).toBe("app");
  expect(slugOf("🚀", "com.con")).toBe("con-app");
});

test("any name gives a file name that every OS takes", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.constantFrom("aux", "lpt9", "-", "a".repeat(500))),
      fc.string(),
      (name, identifier) => {
        const slug = slugOf(name, identifier);
        expect(slug).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
        expect(slug.length).toBeLessThanOrEqual(64);
        expect(isReservedOnWindows(slug)).toBe(false);
        // A slug is its own slug.
        expect(slugOf(slug, identifier)).toBe(slug);
      },
    ),
  );
});
