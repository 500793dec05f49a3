/** The app over a store in memory, with the real assets read from disk. */
import { readFileSync } from "node:fs";
import { assetsOf } from "../../../app/sidecar/assets.ts";
import { createServer, type ServerOptions } from "../../../app/sidecar/server.tsx";
import type { Store } from "../../../runtime/database/store.ts";
import { memoryStore } from "./memory-store.ts";

const text = (path: string): string => readFileSync(new URL(`../../../app/${path}`, import.meta.url), "utf8");

export const assets = assetsOf({
  htmx: text("ui/vendor/htmx.min.js"),
  htmxCsp: text("ui/vendor/hx-csp.min.js"),
  keyboard: text("ui/keyboard.js"),
  styles: text("ui/styles.css"),
  icon: text("icons/icon.svg"),
});

/** A server and its store. Time starts at 1000 ms and moves one millisecond a change. */
export function testApp(options: Partial<ServerOptions> = {}) {
  const store: Store = options.store ?? memoryStore();
  let clockMs = 1000;
  const server = createServer({
    store,
    assets,
    app: { name: "ERTH Assistant" },
    nowMs: () => clockMs++,
    ...options,
  });

  /** Sends a request as htmx does from this page; `fields` become the form. */
  const send = async (
    method: string,
    path: string,
    fields: Readonly<Record<string, string>> = {},
    headers: Readonly<Record<string, string>> = {},
  ) => {
    const hasBody = method !== "GET" && method !== "DELETE";
    return server.request(path, {
      method,
      headers: {
        "HX-Request": "true",
        "HX-Request-Type": "partial",
        "HX-Current-URL": "http://127.0.0.1/",
        ...(hasBody ? { "Content-Type": "application/x-www-form-urlencoded" } : {}),
        ...headers,
      },
      ...(hasBody ? { body: new URLSearchParams(fields).toString() } : {}),
    });
  };
  return { server, store, send };
}

/** A UUIDv7 that ends in this number. */
export function testId(number: number): string {
  return `019b0a5c-4c00-7000-8000-${String(number).padStart(12, "0")}`;
}
