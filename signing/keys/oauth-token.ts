/** OAuth 2.0 access tokens (RFC 6749 §5): fetched once, kept until shortly before they end, never printed. */
import { Secret } from "../../runtime/base/secret.ts";
import { textOf, wrongAnswer, type JsonObject } from "./rest-answer.ts";
import { askService, type RestFault, type RestJudgement, type RestWorld } from "./rest.ts";

export interface AccessTokens {
  /** A token that is valid for a while; concurrent calls share one request. */
  get(): Promise<Secret>;
  /** Forgets the token: it was refused. */
  drop(): void;
}

export interface TokenRequest {
  /** For messages: `Microsoft Entra ID`. */
  readonly name: string;
  readonly url: URL;
  /** The form, made anew for each attempt, and what in it is secret. */
  readonly form: () => { readonly fields: Readonly<Record<string, string>>; readonly secrets: readonly Secret[] };
  readonly judge: (fault: RestFault) => RestJudgement;
}

/** A token is renewed this long before its end, so that none ends on its way. */
const MARGIN_MS = 120_000;

/** Tokens from a token endpoint. */
export function tokensFrom(request: TokenRequest, world: RestWorld): AccessTokens {
  let kept: { readonly token: Secret; readonly untilMs: number } | undefined;
  let underWay: Promise<Secret> | undefined;

  const fetchToken = async (): Promise<Secret> => {
    const { body } = await askService(
      {
        name: request.name,
        request: async () => {
          const { fields, secrets } = request.form();
          return {
            method: "POST",
            url: request.url,
            headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
            body: new URLSearchParams(fields).toString(),
            secrets,
          };
        },
        readFault: (fault) => ({ code: textOf(fault, "error"), message: textOf(fault, "error_description") }),
        judge: request.judge,
      },
      world,
    );
    const token = new Secret(accessToken(request.name, body));
    const seconds = Number(body["expires_in"] ?? 0);
    kept = { token, untilMs: world.now().getTime() + (Number.isFinite(seconds) ? seconds * 1000 : 0) - MARGIN_MS };
    return token;
  };

  return {
    get: async () => {
      if (kept !== undefined && world.now().getTime() < kept.untilMs) return kept.token;
      underWay ??= fetchToken().finally(() => (underWay = undefined));
      return underWay;
    },
    drop: () => (kept = undefined),
  };
}

/** A token that somebody else fetched, for example the login step of a workflow; it cannot be renewed. */
export function givenToken(token: Secret): AccessTokens {
  return { get: async () => token, drop: () => undefined };
}

function accessToken(name: string, body: JsonObject): string {
  const token = textOf(body, "access_token");
  // RFC 6750 §2.1: what a bearer token is made of; anything else could break out of its header.
  if (token === undefined || !/^[A-Za-z0-9._~+/-]+=*$/.test(token)) throw wrongAnswer(name, "it has no access_token");
  return token;
}
