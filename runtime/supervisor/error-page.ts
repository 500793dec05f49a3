/**
 * The page of last resort: a loopback server in the supervisor's own process,
 * up only while the sidecar is given up. Guarded like the sidecar: a
 * single-use ticket becomes a cookie, and only its own form may post.
 */
import { randomBytes } from "node:crypto";
import { createGuard } from "../sidecar/guard.ts";
import { listenOnLoopback } from "../sidecar/listen.ts";
import { BOOT_PATH, newBootTicket, newSecret } from "../sidecar/protocol.ts";
import { renderErrorPage, renderRestartingPage, RESTART_PATH, type ErrorPageFacts } from "./error-page-html.ts";

export interface ErrorPage {
  /** A fresh single-use URL. */
  newUrl(): string;
  /** Refuses new requests at once and ends the rest within a second. */
  close(): Promise<void>;
}

/** The answer to the Restart button must still reach the window. */
const LAST_ANSWER_MS = 500;

/** Opens the page; `facts` is asked at every view, `onRestart` is called when the button is pressed, `report` gets what went wrong in between. */
export async function openErrorPage(
  facts: () => ErrorPageFacts,
  onRestart: () => void,
  report: (thrown: unknown) => void,
): Promise<ErrorPage> {
  const secret = newSecret();
  const show = (request: Request): Response => {
    const { pathname } = new URL(request.url);
    const { method } = request;
    if (pathname === RESTART_PATH && method === "POST") {
      // After this turn: closing the server now would cut the answer off.
      setTimeout(onRestart, 0);
      return page(200, (nonce) => renderRestartingPage(facts(), nonce));
    }
    if (pathname === "/" && (method === "GET" || method === "HEAD")) {
      return page(200, (nonce) => renderErrorPage(facts(), nonce));
    }
    return new Response(`<p role="alert">There is nothing here.</p>`, {
      status: 404,
      headers: { "content-type": "text/html; charset=utf-8" },
    });
  };
  const listener = await listenOnLoopback((port) => createGuard({ secret, port, report }, show));
  return {
    newUrl: () => `http://127.0.0.1:${listener.port}${BOOT_PATH}${newBootTicket(secret, Date.now())}`,
    close: async () => {
      listener.stopAccepting();
      await new Promise((resolve) => setTimeout(resolve, LAST_ANSWER_MS));
      await listener.close();
    },
  };
}

function page(status: number, render: (nonce: string) => string): Response {
  const nonce = randomBytes(16).toString("base64");
  const policy = [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  return new Response(render(nonce), {
    status,
    headers: {
      "cache-control": "no-store",
      "content-security-policy": policy.join("; "),
      "content-type": "text/html; charset=utf-8",
      // With `no-referrer` the form would post with `Origin: null` and be refused.
      "referrer-policy": "same-origin",
      "x-content-type-options": "nosniff",
    },
  });
}
