import { expect, test } from "vitest";
import { addTodo } from "../../../../app/sidecar/todos.ts";
import { assets, testApp, testId } from "../test-app.ts";

const ADDRESSES = ["/", "/?q=none", "/nowhere", `/todos/${testId(0)}/edit`, assets.htmx.path];

test.each(ADDRESSES)("nonce-only policy and no leaks: %s", async (address) => {
  const { server, store } = testApp();
  addTodo(store, testId(0), "a", 0);
  const { headers } = await server.request(address);
  const policy = headers.get("Content-Security-Policy") ?? "";
  const directives = Object.fromEntries(
    policy.split("; ").map((directive) => {
      const [name = "", ...values] = directive.split(" ");
      return [name, values.join(" ")];
    }),
  );
  expect(directives).toEqual({
    "default-src": "'none'",
    "script-src": expect.stringMatching(/^'nonce-[A-Za-z0-9+/]{22}=='$/),
    "style-src": directives["script-src"],
    "connect-src": "'self'",
    "img-src": "'self' data:",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "htmx",
  });
  expect(headers.get("Referrer-Policy")).toBe("same-origin");
  expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
  expect(headers.get("Cross-Origin-Opener-Policy")).toBe("same-origin");
  expect(headers.get("Cross-Origin-Resource-Policy")).toBe("same-origin");
  expect(headers.get("Strict-Transport-Security")).toBeNull();
  expect(headers.get("Access-Control-Allow-Origin")).toBeNull();
  if (!address.startsWith("/assets")) expect(headers.get("Cache-Control")).toBe("no-store");
});

test("a nonce serves one response", async () => {
  const { server } = testApp();
  const [first, second] = await Promise.all([server.request("/"), server.request("/")]);
  expect(first.headers.get("Content-Security-Policy")).not.toBe(second.headers.get("Content-Security-Policy"));
});
