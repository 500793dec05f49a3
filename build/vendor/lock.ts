/**
 * `erth.lock.json`: what each vendored binary is, to the digest. Lies beside
 * `erth.config.ts` and is committed. Written as canonical JSON (sorted keys,
 * two spaces, final newline), so that a refresh that changes nothing changes
 * no byte.
 */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { z } from "zod";
import { ErthError, messageOf, type Problem, ProblemsError, systemCode } from "../../runtime/base/errors.ts";
import { writeWhole } from "../artifacts/whole-file.ts";

const npmEntry = z.strictObject({
  source: z.literal("npm"),
  package: z.string().regex(/^(?:@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*$/, "is not an npm package name"),
  version: z.string().regex(/^\d+\.\d+\.\d+(?:[-+][\w.+-]+)?$/, "is not an exact version"),
  integrity: z.string().regex(/^sha512-[A-Za-z0-9+/]{86}==$/, "is not a sha512 integrity"),
});

const archiveEntry = z.strictObject({
  source: z.literal("archive"),
  url: z.url({ protocol: /^https?$/, error: "is not an http or https URL" }),
  /** Null: never locked, because the host could not be reached; never downloaded. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "is not a lower-case hexadecimal SHA-256")
    .nullable(),
  bytes: z.int().positive().optional(),
});

const lockSchema = z.strictObject({
  version: z.literal(1),
  entries: z.record(
    z.string().regex(/^[a-z0-9][\w@.-]*(?:\/[\w@][\w@.-]*)*$/i, "is not an entry name like node/linux-x64"),
    z.discriminatedUnion("source", [npmEntry, archiveEntry]),
  ),
});

type NpmEntry = Readonly<z.infer<typeof npmEntry>>;
type ArchiveEntry = Readonly<z.infer<typeof archiveEntry>>;
export type LockEntry = NpmEntry | ArchiveEntry;

export interface Lock {
  readonly version: 1;
  readonly entries: Readonly<Record<string, LockEntry>>;
}

export const EMPTY_LOCK: Lock = { version: 1, entries: {} };

/** The lock in this text; every fault of it in one `LOCK_INVALID` error, `path` only names it. */
export function parseLock(text: string, path: string): Lock {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new ErthError({
      code: "LOCK_INVALID",
      message: `${path} is not JSON: ${messageOf(cause)}.`,
      remedy: `restore it with git checkout -- ${basename(path)}, or delete it and run erth lock`,
      cause,
    });
  }
  const result = lockSchema.safeParse(json);
  if (result.success) return result.data;
  throw new ProblemsError(
    result.error.issues.map((issue): Problem => ({
      code: "LOCK_INVALID",
      message: `${basename(path)}: ${issue.path.join(".") || "the file"} ${faultOf(issue)}.`,
      remedy: `restore ${path} with git checkout -- ${basename(path)}, or delete it and run erth lock`,
    })),
  );
}

function faultOf(issue: z.core.$ZodIssue): string {
  // A refused key carries its reason one level deeper.
  return issue.code === "invalid_key" ? (issue.issues[0]?.message ?? issue.message) : issue.message;
}

/** Reads and checks the lock; a missing one is `LOCK_MISSING`. */
export async function readLock(path: string): Promise<Lock> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new ErthError({
      code: systemCode(cause) === "ENOENT" ? "LOCK_MISSING" : "LOCK_UNREADABLE",
      message: `${path} cannot be read: ${messageOf(cause)}.`,
      remedy: "erth lock",
      cause,
    });
  }
  return parseLock(text, path);
}

/** The lock as its canonical JSON text. */
export function renderLock(lock: Lock): string {
  return `${JSON.stringify(sorted(lock), undefined, 2)}\n`;
}

/** Writes the lock whole or not at all. */
export async function writeLock(path: string, lock: Lock): Promise<void> {
  try {
    await writeWhole(path, renderLock(lock));
  } catch (cause) {
    throw new ErthError({
      code: "LOCK_NOT_WRITABLE",
      message: `${path} cannot be written: ${messageOf(cause)}.`,
      remedy: "make its folder writable, then erth lock",
      cause,
    });
  }
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  );
}
