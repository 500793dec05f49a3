import { expect, test } from "vitest";
import { isWebkitGtkMissing, missingLibrary, webkitGtkMissing } from "../../../../runtime/shell/webkitgtk.ts";

test.each([
  "libwebkitgtk-6.0.so.4: cannot open shared object file: No such file or directory",
  'Failed to open library "/app/bin/libwebview.so": libjavascriptcoregtk-6.0.so.1: cannot open shared object file',
  "libgtk-4.so.1: cannot open shared object file: No such file or directory",
])("knows a missing WebKitGTK: %s", (message) => {
  expect(isWebkitGtkMissing(message)).toBe(true);
});

test.each([
  "/app/bin/libwebview.so: cannot open shared object file: No such file or directory",
  "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.39' not found",
  'Symbol "webview_create" not found',
])("takes nothing else for it: %s", (message) => {
  expect(isWebkitGtkMissing(message)).toBe(false);
});

test.each([
  ['Failed to open library "/app/bin/libwebview.so": libother.so.1: cannot open shared object file', "libother.so.1"],
  ["/app/bin/libwebview.so: cannot open shared object file: No such file or directory", "libwebview.so"],
  ["version `GLIBC_2.39' not found", undefined],
])("the library that is missing: %s", (message, library) => {
  expect(missingLibrary(message)).toBe(library);
});

test("names the package of each distribution family", () => {
  const { code, remedy } = webkitGtkMissing("libwebkitgtk-6.0.so.4: cannot open");
  expect(code).toBe("WEBKITGTK_MISSING");
  for (const name of ["libwebkitgtk-6.0-4", "webkitgtk6.0", "webkitgtk-6.0", "libwebkitgtk-6_0-4"]) {
    expect(remedy).toContain(name);
  }
});
