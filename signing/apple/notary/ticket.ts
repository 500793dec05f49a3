/**
 * Notarization tickets, from the CloudKit container that Apple's own stapler
 * asks: no login, one record for each code directory, named
 * `2/<hash type>/<first 20 bytes of its hash>`.
 */
import { z } from "zod";
import { ErthError } from "../../../runtime/base/errors.ts";
import { exchange } from "./http.ts";
import { plainText } from "./plain-text.ts";
import { PassingFailure, pauseMs, withRetries } from "./retry.ts";
import type { NotarySurroundings } from "./surroundings.ts";

export const TICKET_URL =
  "https://api.apple-cloudkit.com/database/1/com.apple.gk.ticket-delivery/production/public/records/lookup";

export interface TicketRequest {
  /** `2/2/<40 hex digits>`. */
  readonly recordName: string;
  readonly around: NotarySurroundings;
  /** `TICKET_URL` by default. */
  readonly url?: string | undefined;
}

const TIMEOUT_MS = 15_000;
const MAX_ANSWER_BYTES = 8 << 20;
const MAX_TICKET_BYTES = 4 << 20;
const MIN_TICKET_BYTES = 16;
const MAGIC = Buffer.from("s8ch", "latin1");
/** A ticket appears some time after the verdict: looks, not requests. */
const LOOKS = 6;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const record = z.object({
  recordName: z.string(),
  fields: z.object({ signedTicket: z.object({ type: z.string(), value: z.string() }) }).optional(),
  serverErrorCode: z.string().optional(),
  reason: z.string().optional(),
});
const answer = z.object({ records: z.array(record) });

/** `2/<hash type>/<hex of the first 20 bytes>`; hash types are the code directory's: 1 SHA-1, 2 SHA-256. */
export function ticketRecordName(hashType: 1 | 2, hash: Uint8Array): string {
  if (hash.length < 20) throw new RangeError(`a hash of ${hash.length} bytes names no ticket`);
  return `2/${hashType}/${Buffer.from(hash.subarray(0, 20)).toString("hex")}`;
}

/**
 * The signed ticket, as it is stapled. A miss and a damaged ticket are asked
 * for again, six times; then throws `NOTARY_NO_TICKET` or
 * `NOTARY_TICKET_DAMAGED`, and `NOTARY_UNREACHABLE` without any answer.
 */
export async function lookUpTicket(request: TicketRequest): Promise<Uint8Array> {
  const { around, recordName } = request;
  for (let looks = 1; ; looks += 1) {
    const found = await withRetries("ticket lookup", around, () => look(request));
    if ("ticket" in found) return found.ticket;
    if (looks === LOOKS) throw found.isMiss ? noTicket(recordName, found.why) : damaged(recordName, found.why);
    const ms = pauseMs(looks, around.random);
    around.report(
      `ticket lookup: ${found.why}; looking again in ${Math.round(ms / 1000)} s (${looks + 1} of ${LOOKS})`,
    );
    await around.sleep(ms, around.signal);
  }
}

type Found = { readonly ticket: Uint8Array } | { readonly isMiss: boolean; readonly why: string };

async function look({ recordName, around, url = TICKET_URL }: TicketRequest): Promise<Found> {
  const response = await exchange(
    {
      service: "ticket service",
      url,
      method: "POST",
      headers: { accept: "application/json", "content-type": "application/json" },
      body: JSON.stringify({ records: [{ recordName }] }),
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_ANSWER_BYTES,
    },
    around,
  );
  if (response.status !== 200) return { isMiss: true, why: `HTTP ${response.status}` };
  return parseTicketAnswer(response.text, recordName);
}

/** Finds the record's ticket in an answer's text. Throws `PassingFailure` for what is no answer at all. */
export function parseTicketAnswer(text: string, recordName: string): Found {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // Half an answer, or a proxy's page.
    throw new PassingFailure(`ticket service: an answer of ${text.length} characters that is not JSON`);
  }
  const parsed = answer.safeParse(json);
  if (!parsed.success) throw new PassingFailure("ticket service: an answer without records");
  const found = parsed.data.records.find((candidate) => candidate.recordName === recordName);
  if (found === undefined) return { isMiss: true, why: "no record of this name in the answer" };
  const signed = found.fields?.signedTicket;
  if (signed === undefined) {
    const said = plainText([found.serverErrorCode, found.reason].filter(Boolean).join(", "));
    return { isMiss: true, why: said === "" ? "the record has no ticket" : said };
  }
  if (signed.type !== "BYTES") return { isMiss: false, why: `the ticket has type ${plainText(signed.type)}` };
  if (!BASE64.test(signed.value)) return { isMiss: false, why: "the ticket is not base64" };
  const ticket = Buffer.from(signed.value, "base64");
  const fault = ticketFault(ticket);
  return fault === undefined ? { ticket } : { isMiss: false, why: fault };
}

/** Why these bytes are no ticket, or undefined: its signature only Apple's systems can check. */
export function ticketFault(ticket: Uint8Array): string | undefined {
  if (ticket.length < MIN_TICKET_BYTES || ticket.length > MAX_TICKET_BYTES)
    return `the ticket is ${ticket.length} bytes`;
  if (!MAGIC.equals(ticket.subarray(0, MAGIC.length))) return 'the ticket does not begin with "s8ch"';
  return undefined;
}

function noTicket(recordName: string, why: string): ErthError {
  return new ErthError({
    code: "NOTARY_NO_TICKET",
    message: `Apple has no ticket ${recordName} (${why}): exactly these bytes were not notarized, or only just now.`,
    remedy:
      "staple the very file that was submitted (a file signed again needs a new erth notarize); some minutes after acceptance: erth staple",
    facts: { recordName },
  });
}

/** Bytes that came as a ticket but are none. */
export function damaged(recordName: string, why: string): ErthError {
  return new ErthError({
    code: "NOTARY_TICKET_DAMAGED",
    message: `the ticket ${recordName} is damaged: ${why}; nothing was stapled.`,
    remedy: "check the proxy between this machine and Apple, then erth staple",
    facts: { recordName },
  });
}
