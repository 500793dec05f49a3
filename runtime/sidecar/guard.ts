/**
 * Who may talk to a loopback server of ours: `protocol.ts` steps 3 and 4, and
 * the rules against other pages and programs on this machine. Checks run in
 * this order:
 *
 * 1. Host is `127.0.0.1:<our port>`, else 421 (DNS rebinding).
 * 2. OPTIONS is answered 204 without CORS headers: a preflight carries no
 *    cookie, and without those headers the browser refuses what it asked for.
 * 3. A foreign Origin is 403, as is an unsafe method that cannot show that it
 *    comes from our own page, and a subresource of another site's page.
 * 4. The health challenge and the boot ticket, which prove themselves.
 * 5. The cookie, else 403.
 *
 * Same-user malware can read the cookie from the webview and is out of scope.
 */
import { randomBytes } from "node:crypto";
import type { Handler } from "./listen.ts";
import { answerChallenge, BOOT_PATH, CHALLENGE_HEADER, HEALTH_PATH, isBootTicket, sameHex } from "./protocol.ts";

export interface GuardOptions {
  /** The secret of this start, 32 bytes of hex. */
  readonly secret: string;
  readonly port: number;
  /** Gets what the app threw; the client gets a bare 500. */
  readonly report: (thrown: unknown) => void;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

const ALLOW = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/** Wraps an app's handler; every request the app sees comes from its own page in its own window. */
export function createGuard(options: GuardOptions, app: Handler): (request: Request) => Promise<Response> {
  const { secret, port, report, now = Date.now } = options;
  const host = `127.0.0.1:${port}`;
  const origin = `http://${host}`;
  // Cookies know no ports: a random name keeps two apps and two starts apart.
  const cookieName = `erth-${randomBytes(8).toString("hex")}`;
  const cookieValue = randomBytes(32).toString("hex");
  const spent = new Set<string>();

  const spend = (ticket: string): boolean => {
    const nowMs = now();
    // An expired ticket is refused by its own date and need not be remembered.
    for (const old of spent) if (!isBootTicket(secret, old, nowMs)) spent.delete(old);
    if (!isBootTicket(secret, ticket, nowMs) || spent.has(ticket)) return false;
    spent.add(ticket);
    return true;
  };

  return async (request) => {
    const { method, headers } = request;
    const url = new URL(request.url);
    // The request line may name a host of its own (absolute form), so both are checked.
    if (headers.get("host") !== host || url.host !== host)
      return fragment(421, "This is not the server you asked for.");
    if (method === "OPTIONS") return bare(204, { allow: ALLOW });
    if (!isFromHere(method, headers, origin)) return fragment(403, "Requests from other sites are refused.");

    if (url.pathname === HEALTH_PATH) {
      const answer = answerChallenge(secret, headers.get(CHALLENGE_HEADER) ?? "");
      return answer === undefined ? fragment(403, "Wrong challenge.") : plain(answer);
    }
    const hasCookie = sameHex(cookieOf(headers, cookieName), cookieValue);
    if (url.pathname.startsWith(BOOT_PATH) && method === "GET") {
      // A window that goes back to its boot URL has its cookie by then.
      if (!spend(url.pathname.slice(BOOT_PATH.length)) && !hasCookie) return forbidden();
      const cookie = `${cookieName}=${cookieValue}; HttpOnly; SameSite=Strict; Path=/`;
      return bare(303, { location: "/", "set-cookie": cookie });
    }
    if (!hasCookie) return forbidden();
    try {
      return await app(request);
    } catch (thrown) {
      report(thrown);
      return fragment(500, "Something went wrong. The details are in the log.");
    }
  };
}

function isFromHere(method: string, headers: Headers, ownOrigin: string): boolean {
  const from = headers.get("origin");
  if (from !== null && from !== ownOrigin) return false;
  const site = headers.get("sec-fetch-site");
  if (method !== "GET" && method !== "HEAD") return from === ownOrigin || site === "same-origin";
  if (site !== "cross-site" && site !== "same-site") return true;
  // "same-site" is any port of 127.0.0.1. Only a whole window may come from there: the page before a restart did.
  return headers.get("sec-fetch-mode") === "navigate" && headers.get("sec-fetch-dest") === "document";
}

function cookieOf(headers: Headers, name: string): string {
  const prefix = `${name}=`;
  const pair = (headers.get("cookie") ?? "").split(/;\s*/).find((part) => part.startsWith(prefix));
  return pair?.slice(prefix.length) ?? "";
}

const closed = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'",
  "x-content-type-options": "nosniff",
};

function bare(status: number, headers: Record<string, string>): Response {
  return new Response(null, { status, headers: { "cache-control": "no-store", ...headers } });
}

function plain(text: string): Response {
  return new Response(text, { status: 200, headers: { ...closed, "content-type": "text/plain; charset=utf-8" } });
}

function html(status: number, body: string): Response {
  return new Response(body, { status, headers: { ...closed, "content-type": "text/html; charset=utf-8" } });
}

/** An element, not a page: htmx swaps the body of an error into the one that asked. */
function fragment(status: number, sentence: string): Response {
  return html(status, `<p role="alert">${sentence}</p>`);
}

function forbidden(): Response {
  return html(
    403,
    `<!doctype html><html lang="en"><title>Forbidden</title><p role="alert">This address opens only inside the app's own window.</p></html>`,
  );
}
