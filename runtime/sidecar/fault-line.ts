/**
 * How a sidecar that cannot start says why: one line on stderr,
 * `erth-error: [{"code":…,"message":…,"remedy":…}]`. The
 * supervisor shows it on its error page and decides nothing by it.
 */
import { ProblemsError, type ErthError, type Problem } from "../base/errors.ts";

const PREFIX = "erth-error: ";
const PROBLEMS_LIMIT = 20;
const TEXT_LIMIT = 4000;

/** The line, with its line feed, for an error a user can mend. Facts and stacks stay out. */
export function renderFaultLine(error: ErthError): string {
  const problems = error instanceof ProblemsError ? error.problems : [error];
  const plain = problems.slice(0, PROBLEMS_LIMIT).map(({ code, message, remedy }) => ({ code, message, remedy }));
  return `${PREFIX}${JSON.stringify(plain)}\n`;
}

/** The problems in a line of stderr; undefined if it is any other line. */
export function parseFaultLine(line: string): readonly Problem[] | undefined {
  if (!line.startsWith(PREFIX)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line.slice(PREFIX.length));
  } catch {
    // Not ours after all: an app may print what it likes, and it stays a log line.
    return undefined;
  }
  if (!Array.isArray(value) || value.length === 0 || value.length > PROBLEMS_LIMIT) return undefined;
  const problems: Problem[] = [];
  for (const item of value as readonly unknown[]) {
    if (!isProblem(item)) return undefined;
    problems.push({ code: cut(item.code), message: cut(item.message), remedy: cut(item.remedy) });
  }
  return problems;
}

function isProblem(value: unknown): value is Problem {
  if (typeof value !== "object" || value === null) return false;
  if (!("code" in value && "message" in value && "remedy" in value)) return false;
  return typeof value.code === "string" && typeof value.message === "string" && typeof value.remedy === "string";
}

function cut(text: string): string {
  return text.length > TEXT_LIMIT ? `${text.slice(0, TEXT_LIMIT)}…` : text;
}
