/** What the notary service answers when it will not do as asked, each with its remedy. */
import { z } from "zod";
import { ErthError } from "../../../runtime/base/errors.ts";
import type { ApiKeyCredentials } from "./credentials.ts";
import type { HttpResponse } from "./http.ts";
import { plainText } from "./plain-text.ts";

const CLOCK_TOLERANCE_MS = 5 * 60_000;

const errorBody = z.object({
  errors: z.array(
    z.object({ code: z.string().optional(), title: z.string().optional(), detail: z.string().optional() }),
  ),
});

/** 401 twice: the clock, the issuer, or the key. */
export function unauthorized(response: HttpResponse, credentials: ApiKeyCredentials, now: Date): ErthError {
  const offMs = clockOffsetMs(response.headers, now);
  if (offMs !== undefined && Math.abs(offMs) > CLOCK_TOLERANCE_MS) {
    const way = offMs > 0 ? "ahead of" : "behind";
    return new ErthError({
      code: "NOTARY_CLOCK",
      message: `this machine's clock is ${Math.round(Math.abs(offMs) / 60_000)} minutes ${way} Apple's, so Apple refuses its tokens (HTTP 401).`,
      remedy: "set the clock (timedatectl set-ntp true), then erth notarize",
    });
  }
  const kind = credentials.issuer === undefined ? "an individual key (no issuer)" : "a team key";
  return new ErthError({
    code: "NOTARY_UNAUTHORIZED",
    message: `Apple does not accept the API key ${credentials.keyId}, used as ${kind} (HTTP 401).`,
    remedy:
      credentials.issuer === undefined
        ? "for a team key set appleApiIssuer as well; else check that the key is not revoked, then erth doctor signing"
        : "check that appleApiKeyId and appleApiIssuer belong to this key (an individual key has no issuer) and that it is not revoked, then erth doctor signing",
  });
}

/** 403: an agreement, or a role. */
export function forbidden(what: string, response: HttpResponse): ErthError {
  const said = appleSays(response);
  const agreement = /agreement/i.test(said);
  return new ErthError({
    code: agreement ? "NOTARY_AGREEMENT" : "NOTARY_FORBIDDEN",
    message: `Apple refuses the ${what} (HTTP 403)${said === "" ? "" : `: ${said}`}.`,
    remedy: agreement
      ? "the team's account holder accepts the agreement at developer.apple.com/account; minutes later: erth notarize"
      : "give the API key the role Developer or higher at appstoreconnect.apple.com/access/integrations/api, then erth notarize",
  });
}

/** 404: another team's submission, or no log yet. */
export function notFound(what: string, path: string): ErthError {
  return new ErthError({
    code: "NOTARY_NOT_FOUND",
    message: `Apple has no ${what} at submissions${plainText(path)} for this key's team (HTTP 404).`,
    remedy: "use the API key of the team that submitted, or submit again: erth notarize",
  });
}

/** Any other status that will not pass. */
export function refused(what: string, response: HttpResponse): ErthError {
  const said = appleSays(response);
  return new ErthError({
    code: "NOTARY_REFUSED",
    message: `Apple refuses the ${what} (HTTP ${response.status})${said === "" ? "" : `: ${said}`}.`,
    remedy: "read Apple's words above; then erth notarize",
    facts: { status: response.status },
  });
}

/** An answer outside of what Apple documents. */
export function strangeAnswer(what: string, why: string): ErthError {
  return new ErthError({
    code: "NOTARY_RESPONSE",
    message: `the notary service's answer about the ${what} is not as documented: ${plainText(why)}.`,
    remedy: "check the proxy between this machine and Apple, then erth notarize --resume",
  });
}

/** S3's credentials ran out in every attempt: the line is too slow, or the clock is wrong. */
export function uploadExpired(fileName: string, submissions: number): ErthError {
  return new ErthError({
    code: "NOTARY_UPLOAD",
    message: `the upload of ${fileName} outlived its credentials, which last 12 hours, in ${submissions} submissions.`,
    remedy: "check this machine's clock and its line to Amazon S3, then erth notarize",
  });
}

/** Apple's own words from a JSON:API error body, or an empty text. */
function appleSays({ text }: HttpResponse): string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // A proxy's page; its status is all there is to tell.
    return "";
  }
  const parsed = errorBody.safeParse(json);
  if (!parsed.success) return "";
  return plainText(
    parsed.data.errors.map(({ code, title, detail }) => detail ?? title ?? code ?? "").join(" "),
  ).replace(/\.$/, "");
}

function clockOffsetMs(headers: Headers, now: Date): number | undefined {
  const date = Date.parse(headers.get("date") ?? "");
  return Number.isNaN(date) ? undefined : now.getTime() - date;
}
