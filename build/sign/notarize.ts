/** Notarization as the config says it: submits, waits, and picks up what an earlier run submitted of the same bytes. */
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { constants } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { ErthError, ProblemsError } from "../../runtime/base/errors.ts";
import type { NotaryCredentials } from "../../signing/apple/notary/credentials.ts";
import { notarizeNatively } from "../../signing/apple/notary/native.ts";
import { type NotaryAccess, resume, submit } from "../../signing/apple/notary/notarize.ts";
import { staple } from "../../signing/apple/notary/staple.ts";
import { readSubmission, type SubmissionRecord, writeSubmission } from "../../signing/apple/notary/submission.ts";
import { inspectApp } from "../../signing/apple/verify-app.ts";
import type { NotarizationFacts } from "../artifacts/artifact.ts";
import type { NotarizeSettings } from "../config/resolved-signing.ts";
import { notarySurroundings } from "../keys/key-world.ts";
import type { Keyring } from "../keys/keyring.ts";

export interface NotaryWork {
  readonly keyring: Keyring;
  /** Where records of submissions lie, so that a run that ends early can be picked up. */
  readonly stateFolder: string;
  readonly signal: AbortSignal;
  readonly report: (line: string) => void;
}

export interface NotarizeRequest extends NotaryWork {
  /** `.app`, `.dmg`, `.pkg` or `.zip`, absolute. */
  readonly path: string;
  /** Digest of what is at `path`: names its record. */
  readonly sha256: string;
  readonly mode: "wait" | "submit";
}

/**
 * Apple's word on this file: submitted, or accepted. Throws a `ProblemsError`
 * with what Apple has against it, and the other `NOTARY_…` errors.
 */
export async function notarizeFile(request: NotarizeRequest): Promise<NotarizationFacts> {
  const { keyring, path, mode } = request;
  const { settings, credentials } = await notaryLogin(keyring);
  if (settings.isNative && keyring.world.platform === "darwin") return notarizeOnMac(path, credentials);
  const recordPath = recordPathOf(request);
  await mkdir(dirname(recordPath), { recursive: true });
  const access = accessOf(request, credentials);
  const earlier = await earlierSubmission(recordPath);
  if (earlier === undefined) await requireNotarizable(path);
  else request.report(`notary: submission ${earlier.id} of these bytes is there already`);
  const record = earlier ?? (await submit({ ...access, path, recordPath, team: keyring.signing.apple?.teamId }));
  if (mode === "submit") return { state: "submitted", record };
  await waitFor(access, recordPath, settings.waitMs);
  return { state: "accepted", record };
}

export interface ResumeRequest extends NotaryWork {
  readonly record: SubmissionRecord;
}

/** Waits for the verdict on what was submitted earlier, on whatever machine. Throws as `notarizeFile` does. */
export async function resumeNotarization(request: ResumeRequest): Promise<NotarizationFacts> {
  const { settings, credentials } = await notaryLogin(request.keyring);
  const recordPath = join(request.stateFolder, "notary", `${request.record.id}.json`);
  await mkdir(dirname(recordPath), { recursive: true });
  await writeSubmission(recordPath, request.record);
  await waitFor(accessOf(request, credentials), recordPath, settings.waitMs);
  return { state: "accepted", record: request.record };
}

/** Writes `output` from `path` with Apple's ticket. Throws `NOTARY_…`, `DMG_DAMAGED` and `XAR_DAMAGED`. */
export async function stapleFile(
  request: NotaryWork & {
    readonly path: string;
    readonly output: string;
    readonly record?: SubmissionRecord | undefined;
  },
): Promise<void> {
  const { keyring, path, output, record, report } = request;
  await staple({
    path,
    output,
    around: notarySurroundings({ ...keyring.world, signal: request.signal }, report),
    ticketUrl: keyring.world.appleUrls?.tickets,
    expectedTicketName: record?.ticketName,
  });
}

async function notaryLogin(
  keyring: Keyring,
): Promise<{ readonly settings: NotarizeSettings; readonly credentials: NotaryCredentials }> {
  const settings = keyring.signing.apple?.notarize;
  const credentials = await keyring.notary();
  if (settings !== undefined && credentials !== undefined) return { settings, credentials };
  throw new ErthError({
    code: "NOTARY_CREDENTIALS",
    message: "there are no credentials for Apple's notary: signing.apple.notarize is not set.",
    remedy: "set appleApiKey, appleApiKeyId and appleApiIssuer in signing.apple.notarize, then erth doctor signing",
  });
}

function accessOf({ keyring, signal, report }: NotaryWork, credentials: NotaryCredentials): NotaryAccess {
  const { world } = keyring;
  const around = notarySurroundings({ ...world, signal }, report);
  const urls = world.appleUrls && { notary: world.appleUrls.notary, s3: world.appleUrls.s3 };
  return { credentials, around, ...(urls === undefined ? {} : { urls }) };
}

function recordPathOf({ stateFolder, sha256 }: NotarizeRequest): string {
  return join(stateFolder, "notary", `${sha256}.json`);
}

/** A submission that Apple has whole; one whose upload never ended is made anew. */
async function earlierSubmission(recordPath: string): Promise<SubmissionRecord | undefined> {
  try {
    const record = await readSubmission(recordPath);
    return record.isUploaded ? record : undefined;
  } catch (error) {
    // Missing or damaged: nothing is lost but the wait.
    if (error instanceof ErthError && error.code === "NOTARY_RECORD") return undefined;
    throw error;
  }
}

async function waitFor(access: NotaryAccess, recordPath: string, totalWaitMs: number): Promise<void> {
  try {
    await resume({ ...access, recordPath, totalWaitMs });
  } catch (error) {
    // A verdict, or an ID that Apple does not know: waiting for it again is of no use, submitting anew may be.
    const isOver = error instanceof ProblemsError || (error instanceof ErthError && OVER.has(error.code));
    if (isOver) await rm(recordPath, { force: true });
    throw error;
  }
}

const OVER = new Set(["NOTARY_REJECTED", "NOTARY_NOT_FOUND", "NOTARY_NOT_UPLOADED"]);

/** What Apple would refuse after minutes is refused now. */
async function requireNotarizable(path: string): Promise<void> {
  if (!path.endsWith(".app")) return;
  const { problems } = await inspectApp({ app: path, policy: "notarizable" });
  const refused = problems.filter(({ code }) => code.startsWith("NOTARY_") || code === "CODESIGN_MISSING");
  if (refused.length > 0) throw new ProblemsError(refused);
}

/** Apple's own tools staple what they were given: they get a copy, and the ticket is fetched for the original. */
async function notarizeOnMac(path: string, credentials: NotaryCredentials): Promise<NotarizationFacts> {
  const folder = await mkdtemp(join(tmpdir(), "erth-notarize-"));
  try {
    const copy = join(folder, basename(path));
    await cp(path, copy, { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE });
    await notarizeNatively({ path: copy, credentials });
    return { state: "accepted" };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
