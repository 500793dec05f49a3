/** What is in a disk image: unpacked by a reader of its file system, and every app in it verified. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ErthError } from "../../runtime/base/errors.ts";
import type { VerifySession } from "./session.ts";
import type { Findings, Verification } from "./verification.ts";

/** Findings of the apps in an image; without a reader, that nobody looked. */
export async function verifyDiskContents(path: string, session: VerifySession): Promise<Findings> {
  if (session.readDisk === undefined) return { problems: [], facts: { contents: "not opened" } };
  const folder = await session.newFolder();
  try {
    await session.readDisk(path, folder);
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    return { problems: [{ code: error.code, message: error.message, remedy: error.remedy }] };
  }
  const contents: Verification[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory() && entry.name.endsWith(".app"))
      contents.push(await session.verifyInner(join(folder, entry.name), entry.name));
  }
  return { problems: [], contents, facts: { contents: `${contents.length} apps` } };
}
