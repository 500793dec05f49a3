import * as fc from "fast-check";
import { expect, test } from "vitest";
import { checkTitle, foldForSearch, TITLE_LIMIT } from "../../../../app/sidecar/title.ts";
import { HOSTILE_TITLES } from "../hostile-titles.ts";

test.each(HOSTILE_TITLES)("keeps what the user means: %s", (title) => {
  expect(checkTitle(title)).toEqual({ ok: true, title: title.normalize("NFC") });
});

test("a title is one line without control characters, and checking it again changes nothing", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 600 }), (input) => {
      const check = checkTitle(input);
      if (!check.ok) return;
      expect(check.title).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u);
      expect(Array.from(check.title).length).toBeLessThanOrEqual(TITLE_LIMIT);
      expect(checkTitle(check.title)).toEqual(check);
    }),
  );
});

test("NUL, line breaks and lone surrogates cannot enter", () => {
  expect(checkTitle("a\u0000b\r\nc\u2028d")).toEqual({ ok: true, title: "a b c d" });
  expect(checkTitle("a\uD800b")).toEqual({ ok: true, title: "a\uFFFDb" });
});

test.each(["", "   ", "\n\t", "\u0000", "\u200B\u202E\u2066", "\u00A0\u3000"])(
  "nothing to see is empty: %j",
  (input) => {
    expect(checkTitle(input)).toMatchObject({ ok: false, isEmpty: true });
  },
);

test("counts code points, and says by how much it is too long", () => {
  expect(checkTitle("😀".repeat(TITLE_LIMIT)).ok).toBe(true);
  expect(checkTitle("😀".repeat(TITLE_LIMIT + 1))).toEqual({
    ok: false,
    isEmpty: false,
    problem: "That is 501 characters; a todo holds 500. Shorten it a little.",
  });
});

test("folding forgets case, accents and compatibility forms", () => {
  expect(foldForSearch("Café ÉCOLE ﬁn ½")).toBe(foldForSearch("cafe ecole fin 1⁄2"));
});
