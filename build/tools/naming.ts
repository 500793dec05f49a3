/** Says what an error is about: a file, a field of the config. */
import { ErthError, ProblemsError } from "../../runtime/base/errors.ts";

/** Runs the work, and puts the name before the message of an error of ours. */
export async function naming<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    if (error instanceof ProblemsError) {
      throw new ProblemsError(
        error.problems.map(({ code, message, remedy }) => ({ code, message: `${name}: ${message}`, remedy })),
      );
    }
    const { code, message, remedy, cause, facts } = error;
    throw new ErthError({ code, message: `${name}: ${message}`, remedy, cause, facts });
  }
}
