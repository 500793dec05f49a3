import { expect, test } from "vitest";
import { renderSizeMarkdown } from "../../../build/size/markdown.ts";
import { renderSizePage } from "../../../build/size/page.ts";
import { HOSTILE, problems, releases, reports } from "./sample.ts";

test("the Markdown for a job summary", async () => {
  const text = renderSizeMarkdown({ name: HOSTILE, version: "1.1.0", reports, problems });
  await expect(text).toMatchFileSnapshot("report.md.txt");
  // Nothing that a name says becomes a tag or a cell.
  expect(text).not.toContain("<img");
  for (const line of text.split("\n").filter((row) => row.startsWith("| <code>"))) {
    expect([4, 6]).toContain(line.split(/(?<!\\)\|/).length - 1);
  }
});

test("the page stands alone: it loads nothing, runs nothing, and says every part, file and release", async () => {
  const page = renderSizePage({ manifest: releases[1], reports, problems, releases });
  await expect(page.replace(/<style>[^]*<\/style>/, "<style/>")).toMatchFileSnapshot("page.html.txt");
  expect(page).not.toMatch(/<img|<script|<link|url\(|https?:/);
  expect(page).toContain("default-src 'none'");
  for (const text of ["sidecar runtime", "notes-zip", "1.0.0", "over its budget of 64.0 MB"])
    expect(page).toContain(text);
});
