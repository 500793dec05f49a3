/**
 * The upload that follows a submission: one signed PUT to the bucket that
 * Apple names, in us-west-2, streamed from the file. The file's own SHA-256 is
 * signed with it, so S3 itself refuses bytes that were lost or changed.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { ErthError } from "../../../runtime/base/errors.ts";
import { signSigV4 } from "../../keys/sigv4.ts";
import type { UploadTarget } from "./client.ts";
import { exchange, type HttpResponse } from "./http.ts";
import { plainText } from "./plain-text.ts";
import { PassingFailure, withRetries } from "./retry.ts";
import type { NotarySurroundings } from "./surroundings.ts";

export interface UploadRequest {
  readonly path: string;
  readonly bytes: number;
  /** Hex, of the whole file. */
  readonly sha256: string;
  readonly target: UploadTarget;
  /** A stand-in's origin, addressed as `/<bucket>/<object>`; Amazon's own by default. */
  readonly s3Url?: string | undefined;
  /** How long nothing may move, and how often a line says what has; for tests. */
  readonly pace?: { readonly stallMs: number; readonly reportEveryMs: number };
}

export type UploadOutcome = "uploaded" | "credentials-expired";

const REGION = "us-west-2";
const MAX_PUT_BYTES = 5 * 1024 ** 3;
const PACE = { stallMs: 60_000, reportEveryMs: 20_000 } as const;
const MAX_ANSWER_BYTES = 1 << 20;
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/**
 * Uploads, with retries. Throws `NOTARY_UPLOAD` where S3 refuses for good,
 * `NOTARY_FILE_CHANGED` where the file is not the one that was hashed, and
 * `NOTARY_UNREACHABLE`. Expired credentials are an outcome: submit anew.
 */
export async function uploadToS3(request: UploadRequest, around: NotarySurroundings): Promise<UploadOutcome> {
  if (request.bytes > MAX_PUT_BYTES) {
    throw new ErthError({
      code: "NOTARY_UPLOAD",
      message: `the file is ${request.bytes} bytes; one upload to S3 holds at most ${MAX_PUT_BYTES}.`,
      remedy: "make the app smaller (erth size shows where it is big), then erth notarize",
    });
  }
  const place = placeOf(request);
  return await withRetries("notary upload", around, async () => {
    const response = await put(request, place, around);
    if (response.status >= 200 && response.status <= 299) return "uploaded";
    return judge(response, request);
  });
}

function placeOf({ target: { bucket, object }, s3Url }: UploadRequest): URL {
  const isOddObject = object.split("/").some((segment) => segment === "." || segment === "..");
  if (!BUCKET.test(bucket) || object === "" || isOddObject) {
    throw new ErthError({
      code: "NOTARY_RESPONSE",
      message: `the notary service names a bucket or object that S3 cannot have: ${plainText(bucket)}, ${plainText(object)}.`,
      remedy: "check the proxy between this machine and Apple, then erth notarize",
    });
  }
  if (s3Url !== undefined) return new URL(encodePath(bucket, object), s3Url);
  // A certificate for *.s3… covers no bucket with dots: those are addressed by path.
  const host = `s3.${REGION}.amazonaws.com`;
  return bucket.includes(".")
    ? new URL(`https://${host}${encodePath(bucket, object)}`)
    : new URL(`https://${bucket}.${host}${encodePath(object)}`);
}

/** Every octet but RFC 3986's unreserved ones and "/" as `%XX`: Apple's object names hold ":". */
function encodePath(...segments: readonly string[]): string {
  return segments
    .flatMap((segment) => segment.split("/"))
    .map((segment) => `/${encodeURIComponent(segment).replaceAll(/[!'()*]/g, percent)}`)
    .join("");
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

async function put(request: UploadRequest, url: URL, around: NotarySurroundings): Promise<HttpResponse> {
  const { accessKeyId, secretAccessKey, sessionToken } = request.target;
  const headers = signSigV4(
    {
      method: "PUT",
      url,
      headers: { "content-length": String(request.bytes), "content-type": "application/octet-stream" },
      body: { sha256: request.sha256 },
    },
    { accessKeyId: accessKeyId.reveal(), secretAccessKey, sessionToken },
    REGION,
    "s3",
    around.now(),
  );
  const stall = new AbortController();
  const { stallMs, reportEveryMs } = request.pace ?? PACE;
  const silence = new PassingFailure(`S3: nothing moved for ${stallMs / 1000} s`);
  const timer = setTimeout(() => stall.abort(silence), stallMs);
  const body = fileBody(request, () => void timer.refresh());
  // By the real clock: it ticks while a chunk or S3's answer is awaited.
  const beat = setInterval(
    () => around.report(`notary upload: ${megabytes(body.sentBytes())} of ${megabytes(request.bytes)} MB`),
    reportEveryMs,
  );
  try {
    const bounds = { timeoutMs: undefined, maxBytes: MAX_ANSWER_BYTES, signal: stall.signal };
    const response = await exchange(
      { service: "S3", url: url.href, method: "PUT", headers, body: body.stream, ...bounds },
      around,
    );
    if (response.status >= 200 && response.status <= 299 && body.sentBytes() < request.bytes) {
      throw new PassingFailure(
        `S3: it answered after ${body.sentBytes()} of ${request.bytes} bytes; the upload is cut off`,
      );
    }
    return response;
  } catch (error) {
    // fetch reports whatever the body threw as a failed network.
    throw body.failure() ?? error;
  } finally {
    clearTimeout(timer);
    clearInterval(beat);
  }
}

interface FileBody {
  readonly stream: ReadableStream<Uint8Array>;
  sentBytes(): number;
  failure(): ErthError | undefined;
}

/** Holds each chunk back until the next is read, so that a file that changed meanwhile is never sent whole. */
function fileBody(request: UploadRequest, onBytes: () => void): FileBody {
  let sentBytes = 0;
  let failure: ErthError | undefined;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    const hash = createHash("sha256");
    let readBytes = 0;
    let held: Buffer | undefined;
    const send = (chunk: Buffer): Buffer => {
      sentBytes += chunk.length;
      onBytes();
      return chunk;
    };
    for await (const chunk of createReadStream(request.path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      readBytes += chunk.length;
      if (readBytes > request.bytes) break;
      if (held !== undefined) yield send(held);
      held = chunk;
    }
    if (readBytes !== request.bytes || hash.digest("hex") !== request.sha256) {
      failure = fileChanged(request.path);
      throw failure;
    }
    if (held !== undefined) yield send(held);
  }
  return { stream: streamOf(chunks()), sentBytes: () => sentBytes, failure: () => failure };
}

function streamOf(chunks: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const next = await chunks.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      cancel: async () => void (await chunks.return(undefined)),
    },
    { highWaterMark: 0 },
  );
}

const PASSING = new Set(["RequestTimeout", "IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch", "SlowDown"]);
const EXPIRED = new Set(["ExpiredToken", "TokenRefreshRequired", "InvalidToken"]);

function judge(response: HttpResponse, { target }: UploadRequest): UploadOutcome {
  const code = tag(response.text, "Code");
  if (EXPIRED.has(code)) return "credentials-expired";
  // S3 counted or hashed the bytes and found some lost on the way.
  if (PASSING.has(code)) throw new PassingFailure(`S3: the upload arrived damaged (${code})`);
  const secrets = [target.secretAccessKey.reveal(), target.sessionToken.reveal(), target.accessKeyId.reveal()];
  const said = plainText(tag(response.text, "Message"), secrets);
  const isClock = code === "RequestTimeTooSkewed";
  throw new ErthError({
    code: isClock ? "NOTARY_CLOCK" : "NOTARY_UPLOAD",
    message: `S3 refuses the upload (HTTP ${response.status}${code === "" ? "" : ` ${plainText(code, secrets)}`})${said === "" ? "" : `: ${said}`}`,
    remedy: isClock
      ? "set this machine's clock (timedatectl set-ntp true), then erth notarize"
      : "check that no proxy rewrites requests to amazonaws.com, then erth notarize",
    facts: { status: response.status },
  });
}

function tag(xml: string, name: string): string {
  return new RegExp(`<${name}>([^<]{0,2000})</${name}>`).exec(xml)?.[1] ?? "";
}

export function fileChanged(path: string): ErthError {
  return new ErthError({
    code: "NOTARY_FILE_CHANGED",
    message: `${path} changed while it was being submitted; nothing of it was accepted.`,
    remedy: "let nothing write to it, then erth notarize",
    facts: { path },
  });
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
