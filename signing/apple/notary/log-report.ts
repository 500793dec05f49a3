/**
 * Apple's notary log (`logFormatVersion` 1) as problems that people can mend:
 * which file, why, and what to do.
 */
import { z } from "zod";
import { ErthError, type Problem } from "../../../runtime/base/errors.ts";
import { LOG_REMEDIES } from "./log-remedies.ts";
import { plainText } from "./plain-text.ts";

export interface NotaryLogIssue {
  readonly severity: "error" | "warning";
  /** Inside the upload: `Notes.zip/Notes.app/Contents/MacOS/notesd`; empty for the whole. */
  readonly path: string;
  readonly message: string;
  readonly architecture: string;
  /** Apple's page about it, or empty. */
  readonly docUrl: string;
}

export interface NotaryLog {
  readonly status: string;
  readonly statusSummary: string;
  /** 0 accepted, 4000 invalid. */
  readonly statusCode: number | undefined;
  /** Hex, of what Apple received; absent in some logs. */
  readonly sha256: string | undefined;
  readonly issues: readonly NotaryLogIssue[];
}

const MAX_LOG_CHARACTERS = 32 << 20;
const MAX_ISSUES = 10_000;

const text = z
  .string()
  .nullish()
  .transform((value) => plainText(value ?? ""));
const schema = z.object({
  status: text,
  statusSummary: text,
  statusCode: z.number().nullish(),
  sha256: z.string().nullish(),
  issues: z
    .array(z.object({ severity: z.string().nullish(), path: text, message: text, architecture: text, docUrl: text }))
    .nullish(),
});

/** Reads a log. Throws `NOTARY_LOG` for what is none; unknown fields are left out. */
export function parseNotaryLog(source: string): NotaryLog {
  if (source.length > MAX_LOG_CHARACTERS) throw badLog(`it is ${source.length} characters long`);
  let json: unknown;
  try {
    json = JSON.parse(source);
  } catch (cause) {
    throw badLog("it is not JSON", cause);
  }
  const result = schema.safeParse(json);
  if (!result.success) {
    const first = result.error.issues[0];
    throw badLog(plainText(`${first?.path.join(".") ?? ""}: ${first?.message ?? "unknown form"}`));
  }
  const { status, statusSummary, statusCode, sha256, issues } = result.data;
  return {
    status,
    statusSummary,
    statusCode: statusCode ?? undefined,
    sha256: sha256?.toLowerCase() ?? undefined,
    issues: (issues ?? []).slice(0, MAX_ISSUES).map((issue) => ({
      ...issue,
      severity: issue.severity === "warning" ? "warning" : "error",
    })),
  };
}

/**
 * The log's errors as problems, in Apple's order, one for each file and
 * reason whatever the number of architectures; never empty for a rejection.
 */
export function explainNotaryLog(log: NotaryLog, fileName: string, id: string): readonly Problem[] {
  const errors = log.issues.filter(({ severity }) => severity === "error");
  if (errors.length === 0) return [explain(log.statusSummary || log.status, fileName, [], id, "")];
  const groups = new Map<string, NotaryLogIssue[]>();
  for (const issue of errors) {
    const key = `${issue.path}\0${issue.message}`;
    groups.set(key, [...(groups.get(key) ?? []), issue]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const architectures = [...new Set(group.map(({ architecture }) => architecture))].filter((name) => name !== "");
    return [explain(first.message, first.path || fileName, architectures, id, first.docUrl)];
  });
}

/** The log's warnings as lines: they do not stop an acceptance. */
export function warningLines(log: NotaryLog): readonly string[] {
  return log.issues
    .filter(({ severity }) => severity === "warning")
    .map(({ path, message }) => `notary warning: ${path}: ${message}`);
}

function explain(reason: string, file: string, architectures: readonly string[], id: string, docUrl: string): Problem {
  const known = LOG_REMEDIES.find(({ pattern }) => pattern.test(reason));
  const on = architectures.length === 0 ? "" : ` (${architectures.join(", ")})`;
  const page = /^https:\/\/developer\.apple\.com\/\S+$/.test(docUrl) ? `read ${docUrl}, ` : "";
  return {
    code: known?.code ?? "NOTARY_REJECTED",
    message: `${file}${on}: "${reason === "" ? "no reason given" : reason}"`,
    remedy: known?.remedy ?? `${page}mend the file, then erth sign && erth package && erth notarize (submission ${id})`,
  };
}

function badLog(why: string, cause?: unknown): ErthError {
  return new ErthError({
    code: "NOTARY_LOG",
    message: `Apple's notary log cannot be read: ${why}.`,
    remedy: "ask for it again: erth notarize --resume",
    cause,
  });
}
