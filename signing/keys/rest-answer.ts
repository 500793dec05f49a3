/** What comes back from a key service: bounded, read field by field, and free of our own secrets before it is shown. */
import { ErthError } from "../../runtime/base/errors.ts";
import type { Secret } from "../../runtime/base/secret.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** A signature with its chain is some 30 KB. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/** The body as text; over 1 MiB is `KEY_ANSWER`. */
export async function readAnswer(response: Response, service: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw wrongAnswer(service, `it is longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The text with every secret, plain or URL-encoded, replaced. */
export function redact(text: string, secrets: readonly Secret[]): string {
  return secrets
    .map((secret) => secret.reveal())
    .filter((secret) => secret !== "")
    .flatMap((secret) => [secret, encodeURIComponent(secret)])
    .reduce((rest, secret) => rest.replaceAll(secret, "[secret]"), text);
}

/** A text field, or undefined. */
export function textOf(body: JsonObject, field: string): string | undefined {
  const value = body[field];
  return typeof value === "string" ? value : undefined;
}

/** A field that is an object, or an empty one. */
export function objectOf(body: JsonObject, field: string): JsonObject {
  const value = body[field];
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {};
}

/** Octets of a base64 or base64url field; `KEY_ANSWER` where it is absent, empty or in another alphabet. */
export function bytesOf(service: string, body: JsonObject, field: string): Uint8Array {
  const text = textOf(body, field);
  if (text === undefined || text === "") throw wrongAnswer(service, `it has no ${field}`);
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) throw wrongAnswer(service, `its ${field} is not base64`);
  return Uint8Array.from(Buffer.from(text, "base64"));
}

/** The error for an answer in the wrong shape. */
export function wrongAnswer(service: string, what: string): ErthError {
  return new ErthError({
    code: "KEY_ANSWER",
    message: `${service} gave an answer that cannot be used: ${what}.`,
    remedy: "repeat the command; if it stays so, check the endpoint: erth doctor signing",
    facts: { service },
  });
}

/** The endpoint as a URL: https, or http on this machine alone; anything else is `KEY_CONFIG`. */
export function serviceUrl(service: string, endpoint: string): URL {
  const url = URL.parse(endpoint.includes("://") ? endpoint : `https://${endpoint}`);
  const isLoopback = url !== null && ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
  if (url === null || url.username !== "" || (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback))) {
    throw new ErthError({
      code: "KEY_CONFIG",
      // A URL with a user part would show its password.
      message: `the endpoint of ${service}${url === null || url.username !== "" ? "" : `, ${url.origin},`} is not an https address.`,
      remedy: `set the endpoint of ${service} to https://… without a user name`,
    });
  }
  return url;
}
