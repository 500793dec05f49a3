/** Problems of a code signature: all of them have the same remedy. */
import type { Problem } from "../../runtime/base/errors.ts";

/** A problem that signing again mends. */
export function codeProblem(code: string, message: string): Problem {
  return { code, message, remedy: "the file was changed after it was signed, or badly signed: erth sign" };
}
