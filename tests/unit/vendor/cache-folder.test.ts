import { isAbsolute } from "node:path";
import { expect, test } from "vitest";
import { cacheFolder } from "../../../build/vendor/cache-folder.ts";

const at = (platform: NodeJS.Platform) => ({ platform, home: "/home/ann" });

test.skipIf(process.platform === "win32")(
  "each OS's own place, moved by XDG_CACHE_HOME and ERTH_CACHE (POSIX paths)",
  () => {
    expect(cacheFolder({}, at("linux"))).toBe("/home/ann/.cache/erth");
    expect(cacheFolder({}, at("darwin"))).toBe("/home/ann/Library/Caches/erth");
    expect(cacheFolder({}, at("win32"))).toBe("/home/ann/AppData/Local/erth/cache");
    expect(cacheFolder({ LOCALAPPDATA: "/local" }, at("win32"))).toBe("/local/erth/cache");
    expect(cacheFolder({ XDG_CACHE_HOME: "/x" }, at("linux"))).toBe("/x/erth");
    expect(cacheFolder({ XDG_CACHE_HOME: "x" }, at("linux"))).toBe("/home/ann/.cache/erth");
    expect(cacheFolder({ XDG_CACHE_HOME: "" }, at("linux"))).toBe("/home/ann/.cache/erth");
    expect(cacheFolder({ ERTH_CACHE: "/c", XDG_CACHE_HOME: "/x" }, at("linux"))).toBe("/c");
  },
);

test("a relative ERTH_CACHE becomes absolute", () => {
  expect(isAbsolute(cacheFolder({ ERTH_CACHE: "cache" }))).toBe(true);
});
