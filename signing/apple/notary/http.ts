/**
 * One HTTP exchange with a service that is not trusted to behave: bounded in
 * time and size, never redirected, and every way to fail sorted into what may
 * pass and what will not.
 */
import { ErthError, messageOf, systemCode } from "../../../runtime/base/errors.ts";
import { PassingFailure } from "./retry.ts";
import type { NotarySurroundings } from "./surroundings.ts";

export interface HttpRequest {
  /** Names the exchange in messages: `notary service`. */
  readonly service: string;
  readonly url: string;
  readonly method: "GET" | "POST" | "PUT";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | ReadableStream<Uint8Array>;
  /** Undefined where the caller watches over a long body itself. */
  readonly timeoutMs: number | undefined;
  readonly maxBytes: number;
  /** Ends the exchange beside the surroundings' own signal. */
  readonly signal?: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/**
 * Sends and reads the whole answer. Throws `PassingFailure` for a network that
 * fails, a timeout, 408, 429 and 5xx, and an answer that stops midway;
 * `NOTARY_RESPONSE` for an answer longer than allowed. Other statuses are returned.
 */
export async function exchange(request: HttpRequest, around: NotarySurroundings): Promise<HttpResponse> {
  const { service, timeoutMs } = request;
  const timeout = timeoutMs === undefined ? [] : [AbortSignal.timeout(timeoutMs)];
  const signal = AbortSignal.any([around.signal, ...(request.signal ? [request.signal] : []), ...timeout]);
  const init: RequestInit & { duplex?: "half" } = {
    method: request.method,
    headers: request.headers,
    redirect: "manual",
    signal,
    ...(request.body === undefined ? {} : { body: request.body }),
    ...(request.body instanceof ReadableStream ? { duplex: "half" } : {}),
  };
  let response: Response;
  let text: string;
  try {
    response = await around.fetch(request.url, init);
    text = await readText(response, request);
  } catch (error) {
    around.signal.throwIfAborted();
    request.signal?.throwIfAborted();
    if (error instanceof ErthError) throw error;
    throw new PassingFailure(`${service}: ${networkFailure(error, timeoutMs)}`);
  }
  if (response.status === 408 || response.status === 429 || response.status >= 500) {
    throw new PassingFailure(`${service}: HTTP ${response.status}`, retryAfterMs(response.headers, around.now()));
  }
  return { status: response.status, headers: response.headers, text };
}

/** RFC 9110 §10.2.3: seconds or a date; undefined for anything else. */
export function retryAfterMs(headers: Headers, now: Date): number | undefined {
  const value = headers.get("retry-after");
  if (value === null) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now.getTime());
}

async function readText(response: Response, { service, maxBytes }: HttpRequest): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  if (response.body !== null) {
    for await (const chunk of response.body) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw tooLong(service, maxBytes);
      chunks.push(chunk);
    }
  }
  return Buffer.concat(chunks).toString("utf8");
}

function tooLong(service: string, maxBytes: number): ErthError {
  return new ErthError({
    code: "NOTARY_RESPONSE",
    message: `the ${service} sent more than ${maxBytes} bytes, which no answer has.`,
    remedy: "check the proxy between this machine and Apple, then erth notarize --resume",
  });
}

// `fetch failed` says nothing; the system's code below it does. Messages of
// fetch itself may repeat a URL, which may be signed, and are not passed on.
function networkFailure(error: unknown, timeoutMs: number | undefined): string {
  if (error instanceof Error && error.name === "TimeoutError") return `no answer within ${(timeoutMs ?? 0) / 1000} s`;
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const code = systemCode(at);
    if (code === "ECONNRESET" || code === "UND_ERR_SOCKET") return "the connection was reset";
    if (code !== undefined && /^[A-Z][A-Z0-9_]+$/.test(code)) return `the network failed (${code})`;
  }
  return `the network failed (${messageOf(error).replaceAll(/\S*:\/\/\S*/g, "…")})`;
}
