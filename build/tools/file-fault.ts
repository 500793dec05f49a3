/** System errors of files that the user can mend, in the house's words. */
import { ErthError, messageOf, systemCode } from "../../runtime/base/errors.ts";

const FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
const REFUSED = new Set(["EACCES", "EPERM", "EROFS", "ENOTDIR"]);

/**
 * `DISK_FULL` or `NOT_WRITABLE` for an error of the file system that free space
 * or permissions would mend; undefined for any other. `who` begins the sentence.
 */
export function fileFault(thrown: unknown, who: string): ErthError | undefined {
  const code = systemCode(thrown) ?? "";
  if (FULL.has(code)) {
    return new ErthError({
      code: "DISK_FULL",
      message: `${who} found no space left: ${messageOf(thrown)}.`,
      remedy: "free some space (a release of one target needs about 1.5 GB), then run the same command: it continues",
      cause: thrown,
    });
  }
  if (!REFUSED.has(code)) return undefined;
  return new ErthError({
    code: "NOT_WRITABLE",
    message: `${who} was refused by the file system: ${messageOf(thrown)}.`,
    remedy: "mend that folder's permissions, or choose another with --out or ERTH_CACHE",
    cause: thrown,
  });
}
