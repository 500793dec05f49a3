import * as fc from "fast-check";
import { expect, test } from "vitest";
import { addressOf, PAGE_SIZE, SHOWS, viewOf, viewOfPage, WHOLE_VIEW } from "../../../../app/sidecar/view.ts";

test("an address gives its view back", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme", maxLength: 30 }),
      fc.constantFrom(...SHOWS),
      fc.integer({ min: PAGE_SIZE, max: 1000 }),
      (query, show, limit) => {
        const view = { query: query.toWellFormed().trim(), show, limit };
        expect(viewOfPage(`http://127.0.0.1:1${addressOf(view)}`)).toEqual(view);
      },
    ),
  );
});

test("anything unknown is the whole list", () => {
  expect(viewOf(new URLSearchParams("show=x&limit=-3&other=1"))).toEqual(WHOLE_VIEW);
  expect(viewOf(new URLSearchParams("limit=1e9"))).toEqual({ ...WHOLE_VIEW, limit: 1000 });
  expect(viewOf(new URLSearchParams("limit=NaN"))).toEqual(WHOLE_VIEW);
  expect(viewOfPage(undefined)).toEqual(WHOLE_VIEW);
  expect(viewOfPage("not an address")).toEqual(WHOLE_VIEW);
});

test("a query is cut at 200 characters, never inside one", () => {
  expect(viewOf(new URLSearchParams({ q: "😀".repeat(300) })).query).toBe("😀".repeat(200));
});

test("the plain list has the plain address", () => {
  expect(addressOf(WHOLE_VIEW)).toBe("/");
  expect(addressOf({ query: "a&b", show: "done", limit: 200 })).toBe("/?q=a%26b&show=done&limit=200");
});
