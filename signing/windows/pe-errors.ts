/** The faults of a Windows program as errors: every one names the file, the value and what to do. */
import { ErthError } from "../../runtime/base/errors.ts";

/** Not a PE image at all. */
export function notPe(what: string): ErthError {
  return new ErthError({
    code: "PE_NOT_PE",
    message: `This is not a Windows program: ${what}.`,
    remedy: "give an .exe, .dll or .node file for Windows",
  });
}

/** A PE image whose headers contradict themselves or the file. */
export function malformed(what: string): ErthError {
  return new ErthError({
    code: "PE_MALFORMED",
    message: `This Windows program is damaged: ${what}.`,
    remedy: "build or fetch the file again: erth build",
  });
}

/** A PE image that is valid, but that signing or editing it would break. */
export function unsupported(what: string): ErthError {
  return new ErthError({
    code: "PE_UNSUPPORTED",
    message: `This Windows program cannot be changed safely: ${what}.`,
    remedy: "link it again without that, then: erth build",
  });
}

/** A certificate table that does not lie where a table may lie, or does not hold what it says. */
export function damagedTable(what: string): ErthError {
  return new ErthError({
    code: "PE_CERTIFICATE_TABLE",
    message: `The signature of this Windows program is damaged: ${what}.`,
    remedy: "start from the unsigned file, then: erth sign",
  });
}
