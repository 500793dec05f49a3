/**
 * One request to a key service, insisted on with patience: what may pass is
 * tried again, a refused token is renewed once, and a failure for good ends
 * with the service's own words. Redirects are not followed, because a request
 * carries credentials, and no secret reaches a message.
 */
import { setTimeout as delay } from "node:timers/promises";
import { ErthError, systemCode } from "../../runtime/base/errors.ts";
import type { Secret } from "../../runtime/base/secret.ts";
import { readAnswer, redact, type JsonObject } from "./rest-answer.ts";

/** What a request needs of the world; tests bring their own. */
export interface RestWorld {
  readonly fetch: (url: URL, init: RequestInit) => Promise<Response>;
  readonly now: () => Date;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<unknown>;
  readonly signal?: AbortSignal;
  /** Ends one attempt, its answer's body included. */
  readonly timeoutMs: number;
  /** Attempts before a failure that may pass is taken for final. */
  readonly attempts: number;
}

/** The real world. */
export function restWorld(signal?: AbortSignal): RestWorld {
  return {
    fetch,
    now: () => new Date(),
    sleep: (ms, until) => delay(ms, undefined, until === undefined ? {} : { signal: until }),
    ...(signal === undefined ? {} : { signal }),
    timeoutMs: 30_000,
    attempts: 6,
  };
}

export interface RestRequest {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** What is never to be shown, should the service repeat it. */
  readonly secrets: readonly Secret[];
}

/** A failure in the service's words. */
export interface RestFault {
  readonly status: number;
  /** The service's own code: `AccessDeniedException`. */
  readonly code: string | undefined;
  readonly message: string;
}

/** Try again, take a fresh token and try again, or give up with an error's code and remedy. */
export type RestJudgement = "again" | "renew" | { readonly code: `KEY_${string}`; readonly remedy: string };

export interface RestService {
  /** For messages: `AWS KMS`. */
  readonly name: string;
  /** Called for each attempt, so that signatures and tokens are fresh. */
  readonly request: () => Promise<RestRequest>;
  /** Code and message of a failure's JSON body. */
  readonly readFault: (body: JsonObject) => {
    readonly code?: string | undefined;
    readonly message?: string | undefined;
  };
  /** Judges a failure that its status alone does not make passing. */
  readonly judge: (fault: RestFault) => RestJudgement;
  /** Forgets the token that was refused; absent where there is none to renew. */
  readonly renew?: () => void;
}

export interface RestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: JsonObject;
}

const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 60_000;

/** Network failures that another attempt will not mend. */
const LASTING = /^(ENOTFOUND|ERR_INVALID_URL|ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_SSL_)/;

/**
 * Asks until there is a success (2xx with a JSON object). Throws
 * `KEY_SERVICE_UNREACHABLE`, `KEY_SERVICE_BUSY`, `KEY_ANSWER`, what `judge`
 * decides, or the signal's reason.
 */
export async function askService(service: RestService, world: RestWorld): Promise<RestAnswer> {
  let hasRenewed = false;
  for (let attempt = 1; ; attempt += 1) {
    const request = await service.request();
    const outcome = await tryOnce(service, request, world);
    if (outcome.kind === "answer") return outcome.answer;
    const isLast = attempt >= world.attempts;
    if (outcome.kind === "unreachable") {
      if (isLast || outcome.isLasting)
        throw unreachable(service.name, request.url, outcome.why, attempt, outcome.cause);
      await pause(attempt, undefined, world);
      continue;
    }
    const { fault } = outcome;
    const judgement = PASSING.has(fault.status) ? "again" : service.judge(fault);
    if (typeof judgement === "object") throw refused(service.name, fault, judgement);
    if (judgement === "renew") {
      if (hasRenewed || service.renew === undefined) {
        throw refused(service.name, fault, {
          code: "KEY_CREDENTIALS",
          remedy: "check the credentials, then: erth doctor signing",
        });
      }
      hasRenewed = true;
      service.renew();
      continue;
    }
    if (isLast) {
      throw refused(service.name, fault, {
        code: "KEY_SERVICE_BUSY",
        remedy: `wait until ${service.name} answers again (it was asked ${attempt} times), then repeat the command`,
      });
    }
    await pause(attempt, outcome.retryAfter, world);
  }
}

type Outcome =
  | { readonly kind: "answer"; readonly answer: RestAnswer }
  | { readonly kind: "fault"; readonly fault: RestFault; readonly retryAfter: string | undefined }
  | { readonly kind: "unreachable"; readonly why: string; readonly isLasting: boolean; readonly cause: unknown };

async function tryOnce(service: RestService, request: RestRequest, world: RestWorld): Promise<Outcome> {
  const timeout = AbortSignal.timeout(world.timeoutMs);
  const clean = (text: string): string => redact(text, request.secrets);
  let response: Response;
  let text: string;
  try {
    response = await world.fetch(request.url, {
      method: request.method,
      headers: request.headers,
      redirect: "manual",
      signal: world.signal === undefined ? timeout : AbortSignal.any([world.signal, timeout]),
      ...(request.body === undefined ? {} : { body: request.body }),
    });
    text = await readAnswer(response, service.name);
  } catch (cause) {
    world.signal?.throwIfAborted();
    if (cause instanceof ErthError) throw cause;
    if (timeout.aborted) {
      return { kind: "unreachable", why: `no answer within ${world.timeoutMs / 1000} s`, isLasting: false, cause };
    }
    // `fetch` wraps the system's error, which says more.
    const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    const why = clean(inner instanceof Error ? inner.message || inner.name : String(inner));
    return { kind: "unreachable", why, isLasting: LASTING.test(systemCode(inner) ?? ""), cause };
  }
  const body = parseObject(text);
  if (response.ok) {
    if (body === undefined) throw notJson(service.name, response, clean(text));
    return { kind: "answer", answer: { status: response.status, headers: response.headers, body } };
  }
  const { code, message } = body === undefined ? {} : service.readFault(body);
  const location = response.headers.get("location");
  const words = message ?? (location === null ? text : `it redirects to ${location}`);
  const fault = { status: response.status, code, message: shorten(clean(words)) };
  return { kind: "fault", fault, retryAfter: response.headers.get("retry-after") ?? undefined };
}

async function pause(attempt: number, retryAfter: string | undefined, world: RestWorld): Promise<void> {
  const asked = retryAfter === undefined ? Number.NaN : retryAfterMs(retryAfter, world.now());
  const ms = Number.isNaN(asked) ? FIRST_PAUSE_MS * 2 ** (attempt - 1) : asked;
  await world.sleep(Math.min(Math.max(ms, 0), LONGEST_PAUSE_MS), world.signal);
  world.signal?.throwIfAborted();
}

/** RFC 9110 §10.2.3: seconds, or a date. */
function retryAfterMs(value: string, now: Date): number {
  return /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now.getTime();
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value))
      : undefined;
  } catch {
    // Not JSON is an answer of its own: the caller says so.
    return undefined;
  }
}

function shorten(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > 600 ? `${line.slice(0, 600)}…` : line;
}

function refused(name: string, fault: RestFault, { code, remedy }: { code: string; remedy: string }): ErthError {
  const said = fault.code === undefined ? "" : ` ${fault.code}`;
  return new ErthError({
    code,
    message: `${name} answered ${fault.status}${said}${fault.message === "" ? "" : `: ${fault.message.replace(/\.$/, "")}`}.`,
    remedy,
    facts: { service: name, status: fault.status, serviceCode: fault.code },
  });
}

function unreachable(name: string, url: URL, why: string, attempts: number, cause: unknown): ErthError {
  return new ErthError({
    code: "KEY_SERVICE_UNREACHABLE",
    message: `${name} at ${url.origin} cannot be reached (${attempts === 1 ? "1 attempt" : `${attempts} attempts`}): ${why}.`,
    remedy: "check the endpoint or region in signing, the network and its proxy, then: erth doctor signing",
    cause,
    facts: { service: name, origin: url.origin },
  });
}

function notJson(name: string, response: Response, text: string): ErthError {
  return new ErthError({
    code: "KEY_ANSWER",
    message: `${name} answered ${response.status} with something that is not JSON: ${shorten(text).slice(0, 120) || "nothing"}.`,
    remedy: "check that the endpoint is right and that no proxy answers in its place, then: erth doctor signing",
    facts: { service: name, status: response.status },
  });
}
