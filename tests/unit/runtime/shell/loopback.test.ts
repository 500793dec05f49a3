import { expect, test } from "vitest";
import { loopbackOrigin } from "../../../../runtime/shell/loopback.ts";

test("takes a page of this machine with its port", () => {
  expect(loopbackOrigin("http://127.0.0.1:40123/__erth/boot/x?y#z")).toBe("http://127.0.0.1:40123");
});

test.each([
  "",
  "not a url",
  "http://127.0.0.1/",
  "https://127.0.0.1:8443/",
  "http://localhost:8080/",
  "http://127.0.0.2:8080/",
  "http://[::1]:8080/",
  "http://127.0.0.1:80@example.com:8080/",
  "http://user:pass@127.0.0.1:8080/",
  "http://127.0.0.1.example.com:8080/",
  "file:///etc/passwd",
  "javascript:alert(1)",
  "data:text/html,x",
])("refuses %j", (url) => {
  expect(() => loopbackOrigin(url)).toThrow(expect.objectContaining({ code: "WINDOW_URL" }));
});

test("never repeats the path, which may hold a boot ticket", () => {
  expect(() => loopbackOrigin("http://example.com/__erth/boot/ticket")).toThrow(/^(?!.*ticket)/);
});
