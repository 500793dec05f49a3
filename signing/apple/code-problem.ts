/** Problems of a code signature, and the faults of untrusted bytes as problems. */
import { ErthError, type Problem } from "../../runtime/base/errors.ts";

/** A problem that signing again mends. */
export function codeProblem(code: string, message: string): Problem {
  return { code, message, remedy: "the file was changed after it was signed, or badly signed: erth sign" };
}

/** Turns the faults of untrusted bytes into problems; bugs go on as errors. */
export function collect<Result>(problems: Problem[], task: () => Result): Result | undefined {
  try {
    return task();
  } catch (error) {
    problems.push(problemOf(error));
    return undefined;
  }
}

/** `collect` for what takes time. */
export async function collecting<Result>(
  problems: Problem[],
  task: () => Promise<Result> | Result,
): Promise<Result | undefined> {
  try {
    return await task();
  } catch (error) {
    problems.push(problemOf(error));
    return undefined;
  }
}

/** An expected error as a problem; anything else is a bug, and thrown. */
export function problemOf(error: unknown): Problem {
  if (!(error instanceof ErthError)) throw error;
  return { code: error.code, message: error.message, remedy: error.remedy };
}
