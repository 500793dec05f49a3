/** One exchange with a time-stamping authority over HTTP (RFC 3161 §3.4), tried again while it may help. */
import { setTimeout as sleep } from "node:timers/promises";
import { ErthError, messageOf } from "../../runtime/base/errors.ts";

export interface TimestampPatience {
  /** Pauses between the attempts; one attempt more than there are pauses. */
  readonly delaysMs: readonly number[];
  readonly attemptTimeoutMs: number;
}

export const defaultPatience: TimestampPatience = { delaysMs: [1000, 5000, 15_000], attemptTimeoutMs: 30_000 };

export interface TimestampExchange {
  readonly url: string;
  readonly query: Uint8Array;
  readonly fetch: typeof fetch;
  readonly signal: AbortSignal | undefined;
  readonly patience: TimestampPatience;
}

/** A token is some 6 KB; anything near this is not one. */
const MAX_REPLY_BYTES = 1024 * 1024;

/** A fault that another attempt may mend. */
export class TransientFault extends Error {}

/**
 * Posts the query and hands the reply to `accept` until that returns. Network
 * faults, timeouts, 408, 429, 5xx and `TransientFault`s are tried again, then
 * `TIMESTAMP_UNREACHABLE` tells every attempt.
 */
export async function exchangeTimestamp<T>(request: TimestampExchange, accept: (reply: Uint8Array) => T): Promise<T> {
  const { signal, patience } = request;
  const where = placeOf(request.url);
  const faults: string[] = [];
  for (const delayMs of [0, ...patience.delaysMs]) {
    if (delayMs > 0) await sleep(delayMs, undefined, { signal });
    try {
      return accept(await post(request, where));
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof ErthError) throw cause;
      faults.push(reasonOf(cause));
    }
  }
  throw new ErthError({
    code: "TIMESTAMP_UNREACHABLE",
    message: `The timestamp server ${where} gave no usable answer in ${faults.length} attempts: ${faults.join("; ")}.`,
    remedy: "check the network, or set another timestamp server, then sign again: erth sign",
    facts: { url: where, faults },
  });
}

async function post(request: TimestampExchange, where: string): Promise<Uint8Array> {
  const timeout = AbortSignal.timeout(request.patience.attemptTimeoutMs);
  const response = await request.fetch(request.url, {
    method: "POST",
    headers: { "content-type": "application/timestamp-query", accept: "application/timestamp-reply" },
    body: Buffer.from(request.query),
    signal: request.signal ? AbortSignal.any([request.signal, timeout]) : timeout,
  });
  if (!response.ok) {
    await response.body?.cancel();
    const { status } = response;
    if (status === 408 || status === 429 || status >= 500) throw new TransientFault(`HTTP ${status}`);
    throw new ErthError({
      code: "TIMESTAMP_REFUSED",
      message: `The timestamp server ${where} answered HTTP ${status}.`,
      remedy: "check the timestamp server's URL in erth.config.ts, then type: erth doctor signing",
    });
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_REPLY_BYTES) throw new TransientFault(`a reply of more than ${MAX_REPLY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The URL without its user, password and query, which may be secret. */
function placeOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol === "http:" || parsed?.protocol === "https:") return parsed.origin + parsed.pathname;
  throw new ErthError({
    code: "TIMESTAMP_URL",
    message: "The timestamp server is no http or https URL.",
    remedy: "set it to a URL such as http://timestamp.apple.com/ts01 in erth.config.ts",
  });
}

/** `fetch` hides the reason in its cause. */
function reasonOf(thrown: unknown): string {
  if (thrown instanceof Error && thrown.name === "TimeoutError") return "no answer in time";
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  return cause === undefined ? messageOf(thrown) : `${messageOf(thrown)} (${messageOf(cause)})`;
}
