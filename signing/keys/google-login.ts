/** Access tokens of Google for a service account's key file: a signed JWT for a token (RFC 7523 §2.1). */
import { createPrivateKey, sign, type KeyObject } from "node:crypto";
import { ErthError } from "../../runtime/base/errors.ts";
import { Secret } from "../../runtime/base/secret.ts";
import { type AccessTokens, tokensFrom } from "./oauth-token.ts";
import { serviceUrl } from "./rest-answer.ts";
import type { RestFault, RestJudgement, RestWorld } from "./rest.ts";

export interface ServiceAccount {
  readonly email: string;
  readonly privateKey: KeyObject;
  readonly privateKeyId: string;
  readonly tokenUrl: URL;
}

const NAME = "Google OAuth";
/** The longest life that Google grants such a JWT. */
const JWT_SECONDS = 3600;

/** Reads the JSON key file of a service account; anything else is `KEY_CREDENTIALS`, and its text is never shown. */
export function parseServiceAccount(json: Secret): ServiceAccount {
  const wrong = (what: string): ErthError =>
    new ErthError({
      code: "KEY_CREDENTIALS",
      message: `the Google credentials are no service account key: ${what}.`,
      remedy: "set GOOGLE_APPLICATION_CREDENTIALS to the JSON key file of a service account, or give an access token",
    });
  let value: unknown;
  try {
    value = JSON.parse(json.reveal());
  } catch {
    // The parser's own message would quote the key.
    throw wrong("they are not JSON");
  }
  const fields: Readonly<Record<string, unknown>> =
    typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
  const text = (field: string): string => {
    const found = fields[field];
    if (typeof found !== "string" || found === "") throw wrong(`${field} is missing`);
    return found;
  };
  const type = text("type");
  if (type !== "service_account") throw wrong(`their type is ${/^\w{1,40}$/.test(type) ? type : "unknown"}`);
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(text("private_key"));
  } catch (cause) {
    throw cause instanceof ErthError ? cause : wrong("their private_key is damaged (line breaks are \\n in JSON)");
  }
  if (privateKey.asymmetricKeyType !== "rsa") throw wrong("their private_key is not an RSA key");
  return {
    email: text("client_email"),
    privateKey,
    privateKeyId: text("private_key_id"),
    tokenUrl: serviceUrl(NAME, text("token_uri")),
  };
}

/** Tokens for a scope such as `https://www.googleapis.com/auth/cloudkms`. */
export function googleTokens(account: ServiceAccount, scope: string, world: RestWorld): AccessTokens {
  return tokensFrom(
    {
      name: NAME,
      url: account.tokenUrl,
      form: () => {
        const assertion = signedJwt(account, scope, world.now());
        return {
          fields: { grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion: assertion.reveal() },
          secrets: [assertion],
        };
      },
      judge,
    },
    world,
  );
}

function signedJwt(account: ServiceAccount, scope: string, now: Date): Secret {
  const issuedAt = Math.floor(now.getTime() / 1000);
  const header = { alg: "RS256", typ: "JWT", kid: account.privateKeyId };
  const claims = {
    iss: account.email,
    scope,
    aud: account.tokenUrl.href,
    iat: issuedAt,
    exp: issuedAt + JWT_SECONDS,
  };
  const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return new Secret(`${signed}.${sign("sha256", Buffer.from(signed), account.privateKey).toString("base64url")}`);
}

function judge({ message }: RestFault): RestJudgement {
  const remedy = /iat|exp|timeframe/.test(message)
    ? "set this machine's clock right, then: erth doctor signing"
    : "make a new JSON key for the service account (this one may be deleted or disabled), then: erth doctor signing";
  return { code: "KEY_CREDENTIALS", remedy };
}
