/**
 * The token of one request to App Store Connect: a JSON Web Token (RFC 7519)
 * signed with ES256 (RFC 7518 §3.4), as "Generating tokens for API requests"
 * wants it. Minted anew for each request, so none is ever old.
 */
import { sign } from "node:crypto";
import type { ApiKeyCredentials } from "./credentials.ts";

/** Apple refuses more than 20 minutes. */
const LIFETIME_SECONDS = 10 * 60;
const AUDIENCE = "appstoreconnect-v1";

/** The compact form of a token that is valid for ten minutes from `now`. It is a secret. */
export function mintToken(credentials: ApiKeyCredentials, now: Date): string {
  const issuedAt = Math.floor(now.getTime() / 1000);
  const header = { alg: "ES256", kid: credentials.keyId, typ: "JWT" };
  // An individual key has no issuer; the token then speaks for the user who made the key.
  const who = credentials.issuer === undefined ? { sub: "user" } : { iss: credentials.issuer };
  const claims = { ...who, iat: issuedAt, exp: issuedAt + LIFETIME_SECONDS, aud: AUDIENCE };
  const signed = `${encode(header)}.${encode(claims)}`;
  // RFC 7518 wants r and s side by side, not the DER that OpenSSL makes.
  const signature = sign("sha256", Buffer.from(signed), {
    key: credentials.privateKey,
    dsaEncoding: "ieee-p1363",
  });
  return `${signed}.${signature.toString("base64url")}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
