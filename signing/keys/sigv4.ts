/**
 * Signature Version 4 of AWS requests, for any service. Numbered as "Create a
 * signed AWS API request" in the AWS IAM User Guide.
 */
import { createHash, createHmac } from "node:crypto";
import type { Secret } from "../../runtime/base/secret.ts";

export interface SigV4Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly sessionToken?: Secret;
}

export interface SigV4Request {
  readonly method: string;
  readonly url: URL;
  /** Signed, all of them; `host`, `x-amz-date` and the session token are added. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body, or its hex SHA-256; `{ sha256: "UNSIGNED-PAYLOAD" }` signs nothing of it (S3 only). */
  readonly body: string | Uint8Array | { readonly sha256: string };
}

/** The headers to send: the request's own, `authorization` and what it names, in lower case; `host` is left to the client. */
export function signSigV4(
  request: SigV4Request,
  credentials: SigV4Credentials,
  region: string,
  service: string,
  date: Date,
): Record<string, string> {
  const time = date.toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const day = time.slice(0, 8);
  const payload = payloadHash(request.body);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) headers[name.toLowerCase()] = value;
  headers["host"] = request.url.host;
  headers["x-amz-date"] = time;
  if (service === "s3") headers["x-amz-content-sha256"] = payload;
  if (credentials.sessionToken !== undefined) headers["x-amz-security-token"] = credentials.sessionToken.reveal();

  // Step 1: the canonical request.
  const names = Object.keys(headers).sort();
  const signedHeaders = names.join(";");
  const canonicalRequest = [
    request.method,
    canonicalPath(request.url, service),
    canonicalQuery(request.url),
    ...names.map((name) => `${name}:${(headers[name] ?? "").trim().replaceAll(/\s+/g, " ")}`),
    "",
    signedHeaders,
    payload,
  ].join("\n");
  // Step 2: its hash; step 3: the string to sign.
  const scope = `${day}/${region}/${service}/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", time, scope, sha256(canonicalRequest)].join("\n");
  // Step 4: the signing key, and the signature.
  const key = [day, region, service, "aws4_request"].reduce<Uint8Array>(
    (secret, part) => hmac(secret, part),
    Buffer.from(`AWS4${credentials.secretAccessKey.reveal()}`, "utf8"),
  );
  const signature = Buffer.from(hmac(key, toSign)).toString("hex");
  // Step 5: the authorization header.
  delete headers["host"];
  headers["authorization"] =
    `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
  return headers;
}

function payloadHash(body: SigV4Request["body"]): string {
  return typeof body === "string" || body instanceof Uint8Array ? sha256(body) : body.sha256;
}

// S3 encodes the decoded path; every other service encodes what is on the wire, once more and with slashes folded.
function canonicalPath(url: URL, service: string): string {
  const segments = url.pathname.split("/");
  if (service === "s3") return segments.map((segment) => encode(decodeURIComponent(segment))).join("/");
  const last = segments.length - 1;
  const folded = segments.filter((segment, index) => segment !== "" || index === 0 || index === last);
  return folded.map(encode).join("/");
}

function canonicalQuery(url: URL): string {
  return [...url.searchParams]
    .map(([name, value]): [string, string] => [encode(name), encode(value)])
    .sort(([nameA, valueA], [nameB, valueB]) => compare(nameA, nameB) || compare(valueA, valueB))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** RFC 3986 §2.3: all but the unreserved characters. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

function hmac(key: Uint8Array, data: string): Uint8Array {
  return createHmac("sha256", key).update(data).digest();
}
