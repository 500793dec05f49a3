/**
 * The record of a submission: enough for another process, on another machine,
 * to wait for Apple's verdict and staple. It holds no secret and no path.
 */
import { open, readFile, rename, rm } from "node:fs/promises";
import { z } from "zod";
import { ErthError, messageOf, systemCode } from "../../../runtime/base/errors.ts";

export const submissionSchema = z.strictObject({
  v: z.literal(1),
  /** Apple's submission ID, a UUID. */
  id: z.string().regex(/^[0-9a-fA-F-]{8,64}$/),
  /** Name of the file that was uploaded; the zip's for an app. */
  fileName: z
    .string()
    .min(1)
    .max(255)
    .regex(/^[^/\\\0]+$/),
  /** Hex, of the file that was uploaded. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().nonnegative(),
  submittedAt: z.iso.datetime(),
  /** Team ID, where it is known: whose key can ask for the verdict. */
  team: z.string().max(100).optional(),
  /** False until S3 has taken the whole file. */
  isUploaded: z.boolean(),
  /** Name of the ticket to staple, `2/2/<cdhash>`; absent for what cannot be stapled. */
  ticketName: z.string().max(100).optional(),
});

export type SubmissionRecord = Readonly<z.infer<typeof submissionSchema>>;

const MAX_RECORD_BYTES = 64 << 10;

/** Reads a record. Throws `NOTARY_RECORD` for one that is missing, damaged or of another version. */
export async function readSubmission(path: string): Promise<SubmissionRecord> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    const why = systemCode(cause) === "ENOENT" ? "there is no such file" : messageOf(cause);
    throw badRecord(path, why, cause);
  }
  return parseSubmission(text, path);
}

/** `path` is for messages only. */
export function parseSubmission(text: string, path: string): SubmissionRecord {
  if (text.length > MAX_RECORD_BYTES) throw badRecord(path, `it is ${text.length} characters long`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw badRecord(path, "it is not JSON", cause);
  }
  const result = submissionSchema.safeParse(json);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path: at, message }) => `${at.join(".") || "record"}: ${message}`);
  throw badRecord(path, faults.slice(0, 3).join("; "));
}

/** Writes a record under its final name only when it is whole. */
export async function writeSubmission(path: string, record: SubmissionRecord): Promise<void> {
  const temporary = `${path}.${process.pid}.part`;
  try {
    const file = await open(temporary, "w");
    try {
      await file.writeFile(`${JSON.stringify(record, undefined, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function badRecord(path: string, why: string, cause?: unknown): ErthError {
  return new ErthError({
    code: "NOTARY_RECORD",
    message: `the submission record ${path} cannot be used: ${why}.`,
    remedy: "name the record that erth notarize --submit wrote, or submit again: erth notarize --submit",
    cause,
    facts: { path },
  });
}
