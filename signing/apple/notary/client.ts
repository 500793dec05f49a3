/**
 * Apple's Notary API, version 2: the four calls of
 * developer.apple.com/documentation/notaryapi. Knows nothing of files or of
 * waiting; every call retries what may pass.
 */
import { z } from "zod";
import { ErthError } from "../../../runtime/base/errors.ts";
import { Secret } from "../../../runtime/base/secret.ts";
import type { ApiKeyCredentials } from "./credentials.ts";
import { exchange, type HttpResponse } from "./http.ts";
import { mintToken } from "./jwt.ts";
import { forbidden, notFound, refused, strangeAnswer, unauthorized } from "./notary-errors.ts";
import { PassingFailure, withRetries } from "./retry.ts";
import type { NotarySurroundings } from "./surroundings.ts";

export const NOTARY_URL = "https://appstoreconnect.apple.com/notary/v2/submissions";

export type SubmissionStatus = "In Progress" | "Accepted" | "Invalid" | "Rejected";

export interface Submission {
  readonly id: string;
  readonly name: string;
  /** ISO 8601, as Apple's server has it. */
  readonly createdDate: string;
  readonly status: SubmissionStatus;
}

/** Where to upload and with which temporary key; valid for 12 hours. */
export interface UploadTarget {
  readonly accessKeyId: Secret;
  readonly secretAccessKey: Secret;
  readonly sessionToken: Secret;
  readonly bucket: string;
  readonly object: string;
}

export interface NewSubmission {
  readonly id: string;
  readonly upload: UploadTarget;
}

export interface NotaryClient {
  /** Announces a file. `sha256` is 64 hex digits. */
  submit(submissionName: string, sha256: string): Promise<NewSubmission>;
  /** Throws `NOTARY_NOT_FOUND` for an ID that this key's team does not have. */
  status(id: string): Promise<Submission>;
  /** The last 100 of the team. */
  list(): Promise<readonly Submission[]>;
  /** The text of Apple's log, JSON; `NOTARY_NOT_FOUND` while there is none. */
  log(id: string): Promise<string>;
}

export interface NotaryClientOptions {
  readonly credentials: ApiKeyCredentials;
  readonly around: NotarySurroundings;
  /** Without a trailing slash; `NOTARY_URL` by default. */
  readonly url?: string | undefined;
}

const TIMEOUT_MS = 15_000;
const MAX_ANSWER_BYTES = 4 << 20;
const MAX_LOG_BYTES = 32 << 20;

const id = z.string().regex(/^[0-9a-fA-F-]{8,64}$/);
const submission = z.object({
  id,
  attributes: z.object({
    name: z.string(),
    createdDate: z.string(),
    status: z.enum(["In Progress", "Accepted", "Invalid", "Rejected"]),
  }),
});
const newSubmission = z.object({
  data: z.object({
    id,
    attributes: z.object({
      awsAccessKeyId: z.string().min(1),
      awsSecretAccessKey: z.string().min(1),
      awsSessionToken: z.string().min(1),
      bucket: z.string().min(1),
      object: z.string().min(1),
    }),
  }),
});
const logPlace = z.object({ data: z.object({ attributes: z.object({ developerLogUrl: z.string() }) }) });

/** A client of the notary service; each of its requests carries a token of its own. */
export function createNotaryClient({ credentials, around, url = NOTARY_URL }: NotaryClientOptions): NotaryClient {
  async function call<T>(what: string, path: string, schema: z.ZodType<T>, body?: object): Promise<T> {
    return await withRetries(`notary ${what}`, around, async () => {
      let response = await send(path, body);
      // Once: a token can expire between two clocks, but a wrong key stays wrong.
      if (response.status === 401) response = await send(path, body);
      if (response.status === 401) throw unauthorized(response, credentials, around.now());
      if (response.status === 403) throw forbidden(what, response);
      if (response.status === 404) throw notFound(what, path);
      if (response.status < 200 || response.status > 299) throw refused(what, response);
      return parse(what, response.text, schema);
    });
  }

  async function send(path: string, body: object | undefined): Promise<HttpResponse> {
    const headers: Record<string, string> = {
      accept: "application/json",
      authorization: `Bearer ${mintToken(credentials, around.now())}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    const method = body === undefined ? "GET" : "POST";
    const bounds = { timeoutMs: TIMEOUT_MS, maxBytes: MAX_ANSWER_BYTES };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    return await exchange(
      { service: "notary service", url: `${url}${path}`, method, headers, ...bounds, ...sent },
      around,
    );
  }

  return {
    submit: async (submissionName, sha256) => {
      const { data } = await call("submission", "", newSubmission, { submissionName, sha256 });
      const { awsAccessKeyId, awsSecretAccessKey, awsSessionToken, bucket, object } = data.attributes;
      return {
        id: data.id,
        upload: {
          accessKeyId: new Secret(awsAccessKeyId),
          secretAccessKey: new Secret(awsSecretAccessKey),
          sessionToken: new Secret(awsSessionToken),
          bucket,
          object,
        },
      };
    },
    status: async (wanted) => {
      const { data } = await call("status", `/${encodeURIComponent(wanted)}`, z.object({ data: submission }));
      if (data.id.toLowerCase() !== wanted.toLowerCase())
        throw strangeAnswer("status", "it is about another submission");
      return flatten(data);
    },
    list: async () => (await call("list", "", z.object({ data: z.array(submission) }))).data.map(flatten),
    log: async (wanted) => {
      const place = await call("log", `/${encodeURIComponent(wanted)}/logs`, logPlace);
      const logUrl = allowedLogUrl(place.data.attributes.developerLogUrl, url);
      return await withRetries("notary log", around, async () => {
        // The URL is signed: it needs no token, and shows in no message.
        const bounds = { timeoutMs: TIMEOUT_MS * 4, maxBytes: MAX_LOG_BYTES };
        const response = await exchange(
          { service: "notary log", url: logUrl, method: "GET", headers: {}, ...bounds },
          around,
        );
        if (response.status !== 200) throw strangeAnswer("log", `its place answers HTTP ${response.status}`);
        return response.text;
      });
    },
  };
}

function flatten({ id: found, attributes }: z.infer<typeof submission>): Submission {
  return { id: found, ...attributes };
}

function parse<T>(what: string, text: string, schema: z.ZodType<T>): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // A proxy's page or half an answer; neither is worth quoting.
    throw new PassingFailure(`notary service: an answer of ${text.length} characters that is not JSON`);
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const first = result.error.issues[0];
  throw strangeAnswer(what, `${first?.path.join(".") ?? ""}: ${first?.message ?? "it is not as documented"}`);
}

// A stand-in on this machine speaks http, and so may its log; Apple's must be https.
function allowedLogUrl(text: string, base: string): string {
  const url = URL.parse(text);
  const home = URL.parse(base);
  if (url?.protocol === "https:" && url.username === "" && url.password === "") return url.href;
  if (url !== null && home !== null && home.protocol === "http:" && url.origin === home.origin) return url.href;
  throw new ErthError({
    code: "NOTARY_RESPONSE",
    message: `the notary service names a log at ${url === null ? "an invalid URL" : `${url.protocol}//${url.host}`}; only https is read.`,
    remedy: "check the proxy between this machine and Apple, then erth notarize --resume",
  });
}
