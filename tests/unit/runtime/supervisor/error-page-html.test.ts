import * as fc from "fast-check";
import { expect, test } from "vitest";
import { escapeHtml, renderErrorPage, type ErrorPageFacts } from "../../../../runtime/supervisor/error-page-html.ts";

const facts: ErrorPageFacts = {
  appName: "Notes <3",
  reason: "the sidecar exited with code 1",
  problems: [{ code: "DATABASE_NEWER", message: "newer & <b>bolder</b>", remedy: 'install "2.0"' }],
  lines: ["first", "<script>alert(1)</script>"],
  logFolder: "/home/ü/logs",
};

test("shows the app, the reason, what the sidecar said, the log and where it is", () => {
  const page = renderErrorPage(facts, "n0nce");
  for (const text of [
    "Notes &lt;3 could not keep running",
    "The sidecar exited with code 1.",
    "newer &amp; &lt;b&gt;bolder&lt;/b&gt;",
    "install &quot;2.0&quot;",
    "DATABASE_NEWER",
    "first\n&lt;script&gt;alert(1)&lt;/script&gt;",
    "/home/ü/logs",
    '<form method="post" action="/restart"><button autofocus>Restart</button></form>',
  ]) {
    expect(page).toContain(text);
  }
});

test("needs no script, no inline style attribute and nothing from elsewhere", () => {
  const page = renderErrorPage(facts, "n0nce");
  expect(page).not.toMatch(/<script|style="|\son\w+=|https?:|url\(/i);
  expect(page.match(/<style nonce="n0nce">/g)).toHaveLength(1);
});

test("no value can leave its place", () => {
  const skeleton = (page: string): string[] => page.match(/<[^>]*>/g) ?? [];
  const blank = skeleton(renderErrorPage({ ...facts, problems: [{ code: "", message: "", remedy: "" }] }, "n"));
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, two) => {
      const hostile = {
        appName: one,
        reason: two,
        problems: [{ code: one, message: two, remedy: one }],
        lines: [one, two],
        logFolder: two,
      };
      expect(skeleton(renderErrorPage(hostile, "n"))).toEqual(blank);
    }),
  );
});

test("the five characters", () => {
  expect(escapeHtml(`&<>"'`)).toBe("&amp;&lt;&gt;&quot;&#39;");
});
