/**
 * The contract between supervisor (parent) and sidecar (child), version 1.
 *
 * 1. The parent writes one JSON line, `Hello`, on the child's stdin and keeps
 *    stdin open: its end of file means that the parent is gone.
 * 2. The child binds port 0 on 127.0.0.1 and writes one JSON line, `Ready`,
 *    on fd 3. stdout and stderr are logs and never control.
 * 3. The parent probes `GET /__erth/health` with a fresh challenge; only a
 *    process that knows the secret can answer it.
 * 4. The window opens `/__erth/boot/<ticket>`: single use, short-lived; it
 *    becomes an HttpOnly SameSite=Strict cookie and a redirect to `/`.
 * 5. The parent asks for an orderly end with the line `stop` on stdin, and with
 *    SIGTERM where the OS has signals.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

export const PROTOCOL_VERSION = 1;
/** File descriptor on which the child writes `Ready`. */
export const READY_FD = 3;
export const HEALTH_PATH = "/__erth/health";
export const BOOT_PATH = "/__erth/boot/";
export const CHALLENGE_HEADER = "x-erth-challenge";
/** The line on stdin, after `Hello`, that asks the child to end. */
export const STOP_LINE = "stop";
/** A boot ticket's life. */
export const BOOT_LIFE_MS = 30_000;

export interface Hello {
  readonly v: typeof PROTOCOL_VERSION;
  /** 32 random bytes, hex; new at every start. */
  readonly secret: string;
  /** Private folder for the user's data, absolute; it exists. */
  readonly dataFolder: string;
  /** Private folder for files that can be made again, absolute; it exists. */
  readonly cacheFolder: string;
  readonly app: { readonly name: string; readonly identifier: string; readonly version: string };
}

export interface Ready {
  readonly v: typeof PROTOCOL_VERSION;
  readonly port: number;
  readonly pid: number;
}

/** 32 random bytes as hex. */
export function newSecret(): string {
  return randomBytes(32).toString("hex");
}

function mac(secret: string, text: string): string {
  return createHmac("sha256", Buffer.from(secret, "hex")).update(text).digest("hex");
}

/** Compares two hex strings in constant time. */
export function sameHex(left: string, right: string): boolean {
  const a = Buffer.from(left, "utf8");
  const b = Buffer.from(right, "utf8");
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Parent: a fresh challenge, `<nonce>.<mac>`, so that a stranger on the port learns nothing of use. */
export function newChallenge(secret: string): string {
  const nonce = randomBytes(16).toString("hex");
  return `${nonce}.${mac(secret, `challenge:${nonce}`)}`;
}

/** Child: the answer to a challenge, or undefined if it was not made with the secret. */
export function answerChallenge(secret: string, challenge: string): string | undefined {
  const [nonce = "", proof = ""] = challenge.split(".");
  return sameHex(proof, mac(secret, `challenge:${nonce}`)) ? mac(secret, `alive:${nonce}`) : undefined;
}

/** Parent: whether the answer came from a process that knows the secret. */
export function isAnswer(secret: string, challenge: string, answer: string): boolean {
  return sameHex(answer, mac(secret, `alive:${challenge.split(".")[0] ?? ""}`));
}

/** Parent: a single-use boot ticket, `<expiry ms>.<nonce>.<mac>`. */
export function newBootTicket(secret: string, nowMs: number): string {
  const body = `${nowMs + BOOT_LIFE_MS}.${randomBytes(16).toString("hex")}`;
  return `${body}.${mac(secret, `boot:${body}`)}`;
}

/** Child: whether the ticket is ours and not yet expired. Single use is the caller's to keep. */
export function isBootTicket(secret: string, ticket: string, nowMs: number): boolean {
  const [expiry = "", nonce = "", proof = "", ...rest] = ticket.split(".");
  if (rest.length > 0 || !/^\d{1,16}$/.test(expiry)) return false;
  return sameHex(proof, mac(secret, `boot:${expiry}.${nonce}`)) && Number(expiry) > nowMs;
}
