import { expect, test } from "vitest";
import { appImageSchema, resolveAppImage } from "../../../build/config/package/appimage.ts";

test("update information is taken as the AppImageSpec writes it", () => {
  for (const updateInformation of [
    "zsync|https://example.com/Notes-latest-x86_64.AppImage.zsync",
    "gh-releases-zsync|owner|notes|latest|Notes-*x86_64.AppImage.zsync",
    "gh-prereleases-zsync|owner|notes|v2.0|Notes-*.AppImage.zsync",
  ]) {
    expect(resolveAppImage(appImageSchema.parse({ updateInformation }))).toEqual({ updateInformation });
  }
  expect(resolveAppImage()).toEqual({ updateInformation: "" });
});

test.each([
  ["https://example.com/a.zsync", "it begins with none of zsync, gh-releases-zsync, gh-prereleases-zsync"],
  ["bintray-zsync|a|b|c|d.zsync", "it begins with none of zsync, gh-releases-zsync, gh-prereleases-zsync"],
  ["zsync|https://example.com/a|b.zsync", 'zsync has 2 fields with "|" between them'],
  ["gh-releases-zsync|owner||latest|a.zsync", 'gh-releases-zsync has 5 fields with "|" between them'],
  ["zsync|https://example.com/a.AppImage", "its last field names no .zsync file"],
  ["zsync|ftp://example.com/a.zsync", "its address is not http or https"],
  ["zsync|https://example.com/ä.zsync", "it may have 1023 ASCII characters without spaces"],
  [`zsync|https://example.com/${"a".repeat(1000)}.zsync`, "it may have 1023 ASCII characters without spaces"],
])("%s is refused with its reason", (updateInformation, reason) => {
  const parsed = appImageSchema.safeParse({ updateInformation });
  expect(parsed.error?.issues.map(({ message }) => message)).toEqual([reason]);
});
