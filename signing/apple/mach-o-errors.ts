/** The faults of Mach-O files and their signatures, each with its remedy. */
import { ErthError } from "../../runtime/base/errors.ts";

/** Bytes that contradict themselves: `MACHO_MALFORMED`. */
export function machOMalformed(what: string): ErthError {
  return new ErthError({
    code: "MACHO_MALFORMED",
    message: `The Mach-O file is damaged: ${what}.`,
    remedy: "build or download the file again, then erth sign",
  });
}

/** A sound file of a kind that is not signed here: `MACHO_UNSUPPORTED`. */
export function machOUnsupported(what: string): ErthError {
  return new ErthError({
    code: "MACHO_UNSUPPORTED",
    message: `This Mach-O file cannot be signed: ${what}.`,
    remedy: "build it for 64-bit macOS as a program, library or bundle, then erth sign",
  });
}

/** The load commands fill their space up to the first section: `MACHO_NO_ROOM`. */
export function machONoRoom(freeBytes: number): ErthError {
  return new ErthError({
    code: "MACHO_NO_ROOM",
    message: `The Mach-O file has no room for LC_CODE_SIGNATURE: ${freeBytes} bytes are free after its load commands, 16 are needed.`,
    remedy: "link it with -Wl,-headerpad,0x100, then erth sign",
  });
}

/** Bytes that no signature would cover: `MACHO_TRAILING_DATA`. */
export function machOTrailingData(what: string): ErthError {
  return new ErthError({
    code: "MACHO_TRAILING_DATA",
    message: `The Mach-O file has data that a signature cannot cover: ${what}.`,
    remedy:
      "keep that data in a file of its own under Contents/Resources, or in a segment before __LINKEDIT, then erth sign",
  });
}

/** A signature whose structure cannot be read: `CODESIGN_MALFORMED`. */
export function signatureMalformed(what: string): ErthError {
  return new ErthError({
    code: "CODESIGN_MALFORMED",
    message: `The code signature is damaged: ${what}.`,
    remedy: "erth sign",
  });
}

/** Runs a task on one file and puts the file's name before the message of its error. */
export async function namingFile<Result>(file: string, task: () => Promise<Result>): Promise<Result> {
  try {
    return await task();
  } catch (cause) {
    if (!(cause instanceof ErthError) || cause.facts.file !== undefined) throw cause;
    const { code, message, remedy, facts } = cause;
    throw new ErthError({ code, message: `${file}: ${message}`, remedy, cause, facts: { ...facts, file } });
  }
}
