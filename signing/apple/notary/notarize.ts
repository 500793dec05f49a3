/**
 * Notarization from any host, in steps that can be taken apart: submit, wait,
 * resume. Option names are those of `@electron/notarize`; what it does in one
 * go is submit and wait here, and `staple.ts` after.
 */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { sha256OfFile } from "../derived-file.ts";
import { zipApp } from "./app-zip.ts";
import { kindOf, ticketNameOf } from "./artifact-kind.ts";
import { createNotaryClient, type NotaryClient } from "./client.ts";
import { type NotaryCredentials, requireApiKey } from "./credentials.ts";
import { withHeartbeat } from "./heartbeat.ts";
import { fileChanged, uploadToS3 } from "./s3-upload.ts";
import { readSubmission, type SubmissionRecord, writeSubmission } from "./submission.ts";
import type { NotarySurroundings } from "./surroundings.ts";
import { uploadExpired } from "./notary-errors.ts";
import { waitForVerdict } from "./wait.ts";

/** What every step needs. */
export interface NotaryAccess {
  readonly credentials: NotaryCredentials;
  readonly around: NotarySurroundings;
  /** Apple's and Amazon's, by default. */
  readonly urls?: { readonly notary?: string; readonly s3?: string } | undefined;
}

export interface SubmitRequest extends NotaryAccess {
  /** A `.app` folder, `.dmg`, `.pkg` or `.zip`. */
  readonly path: string;
  /** Where the record is written, before the upload begins. */
  readonly recordPath: string;
  readonly team?: string | undefined;
  /** Makes the folder of the zip of an app; the system's temporary folder by default. */
  readonly workFolder?: string | undefined;
}

export interface NotarizeRequest extends SubmitRequest {
  /** False: submit only, and resume later. */
  readonly wait?: boolean;
  readonly totalWaitMs?: number | undefined;
}

export interface ResumeRequest extends NotaryAccess {
  readonly recordPath: string;
  readonly totalWaitMs?: number | undefined;
}

/** An upload that outlives its 12-hour credentials is begun anew, but not for ever. */
const MAX_SUBMISSIONS = 3;

/** Submits and, unless told otherwise, waits for Apple's acceptance. Errors: those of `submit` and `waitForVerdict`. */
export async function notarize(request: NotarizeRequest): Promise<SubmissionRecord> {
  const record = await submit(request);
  if (request.wait !== false) await waitFor(request, record, request.totalWaitMs);
  return record;
}

/**
 * Uploads the file, an app as a zip, and leaves the record of it. Throws
 * `NOTARY_…` errors; after a failed upload the record says `isUploaded: false`.
 */
export async function submit(request: SubmitRequest): Promise<SubmissionRecord> {
  const { path } = request;
  // Before anything slow: both name what a user can mend.
  requireApiKey(request.credentials);
  const kind = await kindOf(path);
  const ticketName = await ticketNameOf(path, kind);
  if (kind !== "app") return await submitFile(request, path, ticketName);
  const folder = await mkdtemp(join(request.workFolder ?? tmpdir(), "erth-notary-"));
  try {
    const zip = join(folder, `${basename(path, ".app")}.zip`);
    request.around.report(`notary: zipping ${basename(path)}`);
    await zipApp(path, zip, request.around.signal);
    return await submitFile(request, zip, ticketName);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Waits for the verdict on a submission made earlier, elsewhere, by another process. Returns its record. */
export async function resume(request: ResumeRequest): Promise<SubmissionRecord> {
  const record = await readSubmission(request.recordPath);
  await waitFor(request, record, request.totalWaitMs);
  return record;
}

async function submitFile(
  request: SubmitRequest,
  file: string,
  ticketName: string | undefined,
): Promise<SubmissionRecord> {
  const fileName = basename(file);
  const around = withHeartbeat(request.around, (ms) => `notary: still submitting ${fileName} (${minutes(ms)})`);
  const client = clientOf(request, around);
  const { size: bytes } = await stat(file);
  const sha256 = (await sha256OfFile(file, 0, bytes)).toString("hex");
  for (let submissions = 1; ; submissions += 1) {
    const { id, upload } = await client.submit(fileName, sha256);
    around.report(
      `notary: submission ${id} of ${fileName} (${(bytes / 1e6).toFixed(1)} MB, SHA-256 ${sha256.slice(0, 12)}…)`,
    );
    const record: SubmissionRecord = {
      v: 1,
      id,
      fileName,
      sha256,
      bytes,
      submittedAt: around.now().toISOString(),
      ...(request.team === undefined ? {} : { team: request.team }),
      isUploaded: false,
      ...(ticketName === undefined ? {} : { ticketName }),
    };
    // Before the upload: a process that dies in it leaves a trace of what Apple will never judge.
    await writeSubmission(request.recordPath, record);
    const outcome = await uploadToS3({ path: file, bytes, sha256, target: upload, s3Url: request.urls?.s3 }, around);
    if (outcome === "uploaded") {
      await requireUnchanged(request.path, file, bytes, ticketName);
      const uploaded = { ...record, isUploaded: true };
      await writeSubmission(request.recordPath, uploaded);
      return uploaded;
    }
    if (submissions === MAX_SUBMISSIONS) throw uploadExpired(fileName, submissions);
    around.report("notary: the upload's credentials have expired; submitting anew");
  }
}

// An app is hashed as a zip: whether the folder is still what was zipped, its main executable must tell.
async function requireUnchanged(
  path: string,
  file: string,
  bytes: number,
  ticketName: string | undefined,
): Promise<void> {
  const now = path === file ? (await stat(file)).size === bytes : (await ticketNameOf(path, "app")) === ticketName;
  if (!now) throw fileChanged(path);
}

async function waitFor(access: NotaryAccess, record: SubmissionRecord, totalWaitMs: number | undefined): Promise<void> {
  const around = withHeartbeat(
    access.around,
    (ms) => `notary: waiting for Apple's verdict on ${record.fileName} (submission ${record.id}, ${minutes(ms)})`,
  );
  await waitForVerdict({ record, client: clientOf(access, around), around, totalWaitMs });
  around.report(`notary: Apple accepted ${record.fileName} (submission ${record.id})`);
}

function clientOf({ credentials, urls }: NotaryAccess, around: NotarySurroundings): NotaryClient {
  return createNotaryClient({ credentials: requireApiKey(credentials), around, url: urls?.notary });
}

function minutes(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
