/** The S3 part of the stand-in: one PUT, its signature checked with `aws4`, its bytes with the signed SHA-256. */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import aws4 from "aws4";
import { readBody } from "./notary-body.ts";
import type { NotaryState } from "./notary-service.ts";

export interface S3Fault {
  readonly kind: "s3";
  readonly what:
    | "expired"
    /** Takes everything and forgets it. */
    | "lost"
    /** Counts fewer bytes than were announced. */
    | "truncated"
    /** Answers 200 before it has read the body. */
    | "early"
    /** Stores it, then resets the connection. */
    | "reset-after"
    | "denied";
}

export interface S3State {
  readonly now: () => Date;
  readonly objects: Map<string, { readonly bytes: number; readonly sha256: string }>;
}

export function newS3State(now: () => Date): S3State {
  return { now, objects: new Map() };
}

const LIFETIME_MS = 12 * 3_600_000;
const MOST_SKEW_MS = 15 * 60_000;

export async function serveS3(
  state: S3State,
  notary: NotaryState,
  request: IncomingMessage,
  response: ServerResponse,
  fault: S3Fault | undefined,
): Promise<void> {
  const refuse = (status: number, code: string, more = ""): void => {
    const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>Said by the bucket${more}</Message>${more}</Error>`;
    response.writeHead(status, { "content-type": "application/xml" }).end(body);
  };
  if (fault?.what === "early") return void response.writeHead(200, { connection: "close" }).end();
  if (request.headers["transfer-encoding"] !== undefined) return refuse(501, "NotImplemented");
  const body = await readBody(request);
  const credential = /Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request/.exec(request.headers.authorization ?? "");
  const [, accessKeyId = "", , region = ""] = credential ?? [];
  const grant = notary.grants.get(accessKeyId);
  if (grant === undefined) return refuse(403, "InvalidAccessKeyId", `<AWSAccessKeyId>${accessKeyId}</AWSAccessKeyId>`);
  const echo = `<Token-0>${grant.sessionToken}</Token-0>`;
  if (region !== "us-west-2") return refuse(301, "PermanentRedirect");
  const sentAt = Date.parse(
    String(request.headers["x-amz-date"]).replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"),
  );
  if (!(Math.abs(sentAt - state.now().getTime()) < MOST_SKEW_MS)) return refuse(403, "RequestTimeTooSkewed");
  const submission = [...notary.submissions.values()].find((each) => each.accessKeyId === accessKeyId);
  const age = state.now().getTime() - Date.parse(submission?.createdDate ?? "");
  if (fault?.what === "expired" || !(age < LIFETIME_MS)) return refuse(400, "ExpiredToken", echo);
  if (fault?.what === "denied") return refuse(403, "AccessDenied", ` ${grant.sessionToken} ${grant.secretAccessKey}`);
  if (!isSigned(request, accessKeyId, grant.secretAccessKey, grant.sessionToken))
    return refuse(403, "SignatureDoesNotMatch", echo);
  const [, bucket = "", ...rest] = (request.url ?? "").split("/");
  const object = decodeURIComponent(rest.join("/"));
  if (bucket !== notary.bucket || object !== grant.object) return refuse(403, "AccessDenied");
  if (fault?.what === "truncated" || Number(request.headers["content-length"]) !== body.length)
    return refuse(400, "IncompleteBody");
  const sha256 = createHash("sha256").update(body).digest("hex");
  if (sha256 !== request.headers["x-amz-content-sha256"]) return refuse(400, "XAmzContentSHA256Mismatch");
  if (fault?.what !== "lost") state.objects.set(object, { bytes: body.length, sha256 });
  if (fault?.what === "reset-after") return void request.socket.resetAndDestroy();
  response.writeHead(200, { etag: `"${createHash("md5").update(body).digest("hex")}"` }).end();
}

/** Signs the request again with aws4, from what arrived, and compares. */
function isSigned(
  request: IncomingMessage,
  accessKeyId: string,
  secretAccessKey: string,
  sessionToken: string,
): boolean {
  const { authorization = "" } = request.headers;
  const names = (/SignedHeaders=([^,]+)/.exec(authorization)?.[1] ?? "").split(";");
  for (const needed of ["host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"]) {
    if (!names.includes(needed)) return false;
  }
  if (request.headers["x-amz-security-token"] !== sessionToken) return false;
  // aws4 would sign a content-length of its own, and takes host and date as they come.
  const headers = Object.fromEntries(names.map((name) => [name, String(request.headers[name])]));
  const signed = aws4.sign(
    {
      service: "s3",
      region: "us-west-2",
      method: "PUT",
      host: String(request.headers.host),
      path: request.url ?? "",
      headers,
      extraHeadersToInclude: { "content-length": true, "content-type": true },
    } as Parameters<typeof aws4.sign>[0],
    { accessKeyId, secretAccessKey, sessionToken },
  );
  return signed.headers?.["Authorization"] === authorization;
}
