/** Staples a ticket to an app, a disk image, a package or the app in a zip, and puts the result in its place. */
import type { SubmissionRecord } from "../../signing/apple/notary/submission.ts";
import { kindOf } from "../../signing/apple/notary/artifact-kind.ts";
import { replaceFolder } from "../../signing/apple/replace-folder.ts";
import { temporaryName } from "../artifacts/whole-file.ts";
import { type NotaryWork, stapleFile } from "./notarize.ts";
import { replaced } from "./sign-anything.ts";
import { stapleZip } from "./staple-zip.ts";

/** Throws `NOTARY_…`, `DMG_DAMAGED`, `XAR_DAMAGED` and `ZIP_DAMAGED`; what was there then stays. */
export async function stapleInPlace(
  request: NotaryWork & { readonly path: string; readonly record?: SubmissionRecord | undefined },
): Promise<void> {
  const { path } = request;
  const kind = await kindOf(path);
  if (kind === "zip") return replaced(path, (output) => stapleZip({ ...request, output }));
  if (kind !== "app") return replaced(path, (output) => stapleFile({ ...request, output }));
  const folder = path.replace(/\/+$/, "");
  const output = temporaryName(folder);
  await stapleFile({ ...request, path: folder, output });
  await replaceFolder(output, folder);
}
