/** What a thing to sign is: as verifiers tell it, and app packages told from other zips. */
import { ErthError } from "../../runtime/base/errors.ts";
import { kindOfFile } from "../../signing/verify/kind.ts";
import type { FileKind } from "../../signing/verify/verification.ts";
import { BLOCK_MAP_NAME } from "../formats/msix.ts";
import { readZipDirectory } from "../formats/zip-directory.ts";

export type SignableKind = FileKind | "msix";

/** The kind. Throws `USAGE_FILE` for what cannot be read, `VERIFY_KIND` for a folder that is no app. */
export async function signableKindOf(path: string): Promise<SignableKind> {
  const kind = await kindOfFile(path);
  return kind === "zip" && (await isAppPackage(path)) ? "msix" : kind;
}

/** App packages are zips with a map of their blocks. */
async function isAppPackage(path: string): Promise<boolean> {
  try {
    return (await readZipDirectory(path)).some(({ name }) => name === BLOCK_MAP_NAME);
  } catch (cause) {
    if (cause instanceof ErthError) return false;
    throw cause;
  }
}
