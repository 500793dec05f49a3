/** The notary part of the stand-in: submissions, verdicts and logs, behind tokens that `jose` checks. */
import { randomBytes, randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { jwtVerify } from "jose";
import type { NotaryFakeOptions, Route } from "./notary.ts";
import type { S3State } from "./notary-s3.ts";
import { readBody, sendJson } from "./notary-body.ts";

export type Status = "In Progress" | "Accepted" | "Invalid" | "Rejected";

interface FakeSubmission {
  readonly id: string;
  readonly name: string;
  readonly sha256: string;
  readonly createdDate: string;
  readonly object: string;
  readonly accessKeyId: string;
}

export interface S3Grant {
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly object: string;
}

export interface NotaryState {
  readonly options: NotaryFakeOptions;
  readonly origin: string;
  readonly submissions: Map<string, FakeSubmission>;
  /** By access key ID. */
  readonly grants: Map<string, S3Grant>;
  readonly bucket: string;
  /** Every token that was sent: all of them must differ. */
  readonly tokens: string[];
  /** How Apple judges; by default the upload must be there and whole. */
  judge: (submission: FakeSubmission, isWhole: boolean) => Status;
  logOf: (submission: FakeSubmission) => unknown;
  /** What log URLs look like; `%s` is the ID. */
  logUrl: string;
}

export function newNotaryState(options: NotaryFakeOptions, origin: string): NotaryState {
  return {
    options,
    origin,
    submissions: new Map(),
    grants: new Map(),
    bucket: "notary-submissions-prod",
    tokens: [],
    judge: (_, isWhole) => (isWhole ? "Accepted" : "In Progress"),
    logOf: ({ id, name, sha256 }) => ({
      logFormatVersion: 1,
      jobId: id,
      status: "Accepted",
      statusSummary: "Ready for distribution",
      statusCode: 0,
      archiveFilename: name,
      sha256,
      ticketContents: [],
      issues: null,
    }),
    logUrl: `${origin}/log-file/%s?X-Amz-Signature=log-signature-secret`,
  };
}

const LONGEST_TOKEN_SECONDS = 20 * 60;

export async function serveNotary(
  state: NotaryState,
  s3: S3State,
  route: Exclude<Route, "s3" | "ticket">,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const id = /(?:submissions|log-file)\/([^/?]+)/.exec(request.url ?? "")?.[1] ?? "";
  const found = state.submissions.get(id);
  if (route === "log-file") {
    // A signed URL: a token in it would be handed to a stranger.
    if (request.headers.authorization !== undefined || found === undefined) return sendJson(response, 403, {});
    return sendJson(response, 200, state.logOf(found));
  }
  const refusal = await refuseToken(state, request.headers.authorization);
  if (refusal !== undefined) {
    const token = request.headers.authorization ?? "";
    const detail = `Provide a properly configured and signed bearer token (${refusal}; got ${token})`;
    return sendJson(response, 401, {
      errors: [{ status: "401", code: "NOT_AUTHORIZED", title: "Unauthenticated", detail }],
    });
  }
  if (route === "submit") return await submit(state, request, response);
  if (route === "list") {
    return sendJson(response, 200, { data: [...state.submissions.values()].map((each) => describe(state, s3, each)) });
  }
  if (found === undefined) return sendJson(response, 404, { errors: [{ status: "404", code: "NOT_FOUND" }] });
  const described = describe(state, s3, found);
  if (route === "status") return sendJson(response, 200, { data: described, meta: {} });
  if (described.attributes.status === "In Progress")
    return sendJson(response, 404, { errors: [{ code: "NOT_FOUND" }] });
  const developerLogUrl = state.logUrl.replace("%s", found.id);
  sendJson(response, 200, { data: { id: found.id, type: "submissionsLog", attributes: { developerLogUrl } } });
}

async function submit(state: NotaryState, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body: unknown = JSON.parse((await readBody(request)).toString());
  const { submissionName: name, sha256 } = body as { submissionName?: unknown; sha256?: unknown };
  if (typeof name !== "string" || typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) {
    return sendJson(response, 400, {
      errors: [{ status: "400", code: "BAD_REQUEST", detail: "sha256 or submissionName" }],
    });
  }
  const id = randomUUID();
  const accessKeyId = `ASIA${randomBytes(8).toString("hex").toUpperCase()}`;
  const object = `prod/AROARQRX7CZS3PRF6ZA5L:${id}`;
  const grant = {
    secretAccessKey: randomBytes(30).toString("base64"),
    sessionToken: randomBytes(300).toString("base64"),
    object,
  };
  state.grants.set(accessKeyId, grant);
  const createdDate = state.options.now().toISOString();
  state.submissions.set(id, { id, name, sha256, createdDate, object, accessKeyId });
  sendJson(response, 200, {
    data: {
      type: "newSubmissions",
      id,
      attributes: {
        awsAccessKeyId: accessKeyId,
        awsSecretAccessKey: grant.secretAccessKey,
        awsSessionToken: grant.sessionToken,
        bucket: state.bucket,
        object,
      },
    },
    meta: {},
  });
}

function describe(state: NotaryState, s3: S3State, submission: FakeSubmission) {
  const isWhole = s3.objects.get(submission.object)?.sha256 === submission.sha256;
  const { id, name, createdDate } = submission;
  return { type: "submissions", id, attributes: { name, createdDate, status: state.judge(submission, isWhole) } };
}

/** Why a token is refused, or undefined. */
async function refuseToken(state: NotaryState, authorization: string | undefined): Promise<string | undefined> {
  const token = /^Bearer (\S+)$/.exec(authorization ?? "")?.[1];
  if (token === undefined) return "no token";
  if (state.tokens.includes(token)) return "a token used twice";
  state.tokens.push(token);
  const { publicKey, keyId, issuer, now } = state.options;
  try {
    const { payload, protectedHeader } = await jwtVerify(token, publicKey, {
      algorithms: ["ES256"],
      audience: "appstoreconnect-v1",
      typ: "JWT",
      currentDate: now(),
      requiredClaims: ["iat", "exp"],
      ...(issuer === undefined ? { subject: "user" } : { issuer }),
    });
    if (protectedHeader.kid !== keyId) return "kid";
    if (issuer === undefined && payload.iss !== undefined) return "iss of an individual key";
    if ((payload.exp ?? Infinity) - (payload.iat ?? 0) > LONGEST_TOKEN_SECONDS) return "longer than 20 minutes";
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : "unknown";
  }
}
