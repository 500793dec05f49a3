/** An app as the zip that the notary service takes: the `.app` folder at its top, with its links and modes. */
import { lstat, readdir, readlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { writeZip, type ZipEntry } from "../../../build/formats/zip.ts";
import { ErthError } from "../../../runtime/base/errors.ts";

/** Fast: the zip is thrown away when Apple has it. */
const DEFLATE_LEVEL = 1;

/** Writes the zip. Throws `NOTARY_APP_CONTENT` for a socket or the like, and the `ZIP_…` errors. */
export async function zipApp(app: string, zip: string, signal: AbortSignal): Promise<void> {
  const entries = await listEntries(app, basename(app));
  await writeZip(zip, entries, { deflateLevel: DEFLATE_LEVEL, signal, onFile: () => undefined });
}

async function listEntries(folder: string, name: string): Promise<readonly ZipEntry[]> {
  const entries: ZipEntry[] = [{ kind: "folder", name }];
  for (const child of (await readdir(folder)).sort()) {
    const file = join(folder, child);
    const inner = `${name}/${child}`;
    const facts = await lstat(file);
    if (facts.isSymbolicLink()) entries.push({ kind: "link", name: inner, target: await readlink(file) });
    else if (facts.isDirectory()) entries.push(...(await listEntries(file, inner)));
    else if (facts.isFile()) entries.push({ kind: "file", name: inner, file, mode: facts.mode & 0o777 });
    else throw oddFile(inner);
  }
  return entries;
}

function oddFile(name: string): ErthError {
  return new ErthError({
    code: "NOTARY_APP_CONTENT",
    message: `${name} is neither a file, a folder nor a link; an app holds nothing else.`,
    remedy: "remove it, then erth build",
    facts: { name },
  });
}
