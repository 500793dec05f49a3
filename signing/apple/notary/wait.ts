/**
 * From a submission to Apple's verdict: polling that survives the service's
 * bad hours, with a sign of life at least every 30 s and an end.
 */
import { ErthError, messageOf, ProblemsError } from "../../../runtime/base/errors.ts";
import type { NotaryClient, Submission } from "./client.ts";
import { explainNotaryLog, type NotaryLog, parseNotaryLog, warningLines } from "./log-report.ts";
import type { SubmissionRecord } from "./submission.ts";
import type { NotarySurroundings } from "./surroundings.ts";

export interface WaitRequest {
  readonly record: SubmissionRecord;
  /** Made with surroundings that beat: see `notarize.ts`. */
  readonly client: NotaryClient;
  readonly around: NotarySurroundings;
  /** Two hours by default; the submission outlives the wait. */
  readonly totalWaitMs?: number | undefined;
}

export const TOTAL_WAIT_MS = 2 * 60 * 60_000;
const POLL_MS = 30_000;
const NEW_MS = 5 * 60_000;
const LOG_TRIES = 4;

/**
 * Resolves when Apple accepts. Throws a `ProblemsError` with one problem for
 * each reason of a rejection, `NOTARY_WAIT_LIMIT` when the time is up, and what
 * the client throws for good; an unreachable service only costs time.
 */
export async function waitForVerdict(request: WaitRequest): Promise<void> {
  const { record, around, totalWaitMs = TOTAL_WAIT_MS } = request;
  if (!record.isUploaded) throw notUploaded(record);
  const deadline = around.now().getTime() + totalWaitMs;
  for (;;) {
    const submission = await statusOrSilence(request);
    if (submission?.status === "Accepted") return await reportWarnings(request);
    if (submission?.status === "Invalid" || submission?.status === "Rejected")
      throw await rejection(request, submission);
    const leftMs = deadline - around.now().getTime();
    if (leftMs <= 0) throw waitLimit(record, totalWaitMs);
    await around.sleep(Math.min(POLL_MS, leftMs), around.signal);
  }
}

async function statusOrSilence({ record, client, around }: WaitRequest): Promise<Submission | undefined> {
  try {
    return await client.status(record.id);
  } catch (error) {
    const code = error instanceof ErthError ? error.code : undefined;
    const ageMs = around.now().getTime() - Date.parse(record.submittedAt);
    // A submission may not be known everywhere in Apple's service at once.
    const isNew = code === "NOTARY_NOT_FOUND" && ageMs < NEW_MS;
    if (code !== "NOTARY_UNREACHABLE" && !isNew) throw error;
    around.report(`notary status: ${messageOf(error)} The submission goes on without us; waiting.`);
    return undefined;
  }
}

/** The log's text; it may come some time after the verdict. */
async function logText({ record, client, around }: WaitRequest): Promise<string> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await client.log(record.id);
    } catch (error) {
      if (!(error instanceof ErthError) || error.code !== "NOTARY_NOT_FOUND" || tries === LOG_TRIES) throw error;
      await around.sleep(POLL_MS, around.signal);
    }
  }
}

async function reportWarnings(request: WaitRequest): Promise<void> {
  const { around } = request;
  try {
    for (const line of warningLines(parseNotaryLog(await logText(request)))) around.report(line);
  } catch (error) {
    around.signal.throwIfAborted();
    // An accepted file needs no log.
    around.report(`notary log: ${messageOf(error)}`);
  }
}

async function rejection(request: WaitRequest, submission: Submission): Promise<ErthError> {
  const { record, around } = request;
  let log: NotaryLog;
  try {
    log = parseNotaryLog(await logText(request));
  } catch (cause) {
    around.signal.throwIfAborted();
    return new ErthError({
      code: "NOTARY_REJECTED",
      message: `Apple rejected ${record.fileName} (submission ${record.id}, ${submission.status}); its log cannot be had: ${messageOf(cause)}`,
      remedy: "ask for the log again: erth notarize --resume",
      cause,
    });
  }
  const problems = explainNotaryLog(log, record.fileName, record.id);
  around.report(
    `notary: Apple rejected ${record.fileName} (submission ${record.id}): ${log.statusSummary || submission.status}`,
  );
  if (log.sha256 !== undefined && log.sha256 !== record.sha256) {
    const code = "NOTARY_UPLOAD_DAMAGED";
    const message = `Apple received a file with SHA-256 ${log.sha256.slice(0, 64)}, not the ${record.sha256} of ${record.fileName}.`;
    return new ProblemsError([{ code, message, remedy: "submit it again: erth notarize" }, ...problems]);
  }
  return new ProblemsError(problems);
}

function notUploaded(record: SubmissionRecord): ErthError {
  return new ErthError({
    code: "NOTARY_NOT_UPLOADED",
    message: `the upload of ${record.fileName} for submission ${record.id} never ended: Apple will not judge it.`,
    remedy: "submit again: erth notarize --submit",
    facts: { id: record.id },
  });
}

function waitLimit(record: SubmissionRecord, totalWaitMs: number): ErthError {
  return new ErthError({
    code: "NOTARY_WAIT_LIMIT",
    message: `Apple has given no verdict on ${record.fileName} (submission ${record.id}) within ${Math.round(totalWaitMs / 60_000)} minutes.`,
    remedy: "wait on, now or later, here or elsewhere: erth notarize --resume",
    facts: { id: record.id },
  });
}
