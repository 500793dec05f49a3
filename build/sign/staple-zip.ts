/**
 * Puts a ticket into an app that is already in a zip: what `stapler` does to
 * the folder, without unpacking the rest. The ticket is that of the app's main
 * executable, the only file besides its `Info.plist` that is looked at.
 */
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { ErthError } from "../../runtime/base/errors.ts";
import { parsePlist } from "../formats/plist-parse.ts";
import { addMember, extractMember, readZipContents, type ZipMember } from "../formats/zip-edit.ts";
import { ticketNameOf } from "../../signing/apple/notary/artifact-kind.ts";
import { lookUpTicket } from "../../signing/apple/notary/ticket.ts";
import { writeWholeOutput } from "../../signing/apple/whole-output.ts";
import { notarySurroundings } from "../keys/key-world.ts";
import type { NotaryWork } from "./notarize.ts";

/** Writes `output` from the zip at `path`. Throws `NOTARY_KIND` for one without exactly one app at its top, and `NOTARY_…`, `ZIP_DAMAGED`. */
export async function stapleZip(
  request: NotaryWork & { readonly path: string; readonly output: string },
): Promise<void> {
  const { path, output, keyring, signal, report } = request;
  const contents = await readZipContents(path);
  const app = onlyApp(path, contents.members);
  const member = (inside: string): ZipMember => {
    const found = contents.members.find(({ name }) => name === `${app}/${inside}`);
    if (found === undefined) throw notAnApp(path, `${app} has no ${inside}`);
    return found;
  };
  const infoPlist = member("Contents/Info.plist");
  const folder = await mkdtemp(join(tmpdir(), "erth-staple-"));
  let recordName: string | undefined;
  try {
    const extract = async (inside: string): Promise<string> => {
      const place = join(folder, "App.app", inside);
      await mkdir(dirname(place), { recursive: true });
      await extractMember(path, member(inside), place);
      return place;
    };
    const info = parsePlist(await readFile(await extract("Contents/Info.plist")), "Info.plist");
    const executable = info instanceof Map ? info.get("CFBundleExecutable") : undefined;
    if (typeof executable !== "string" || executable !== basename(executable) || executable === "..") {
      throw notAnApp(path, `the Info.plist of ${app} names no executable`);
    }
    await extract(`Contents/MacOS/${executable}`);
    recordName = await ticketNameOf(join(folder, "App.app"), "app");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  if (recordName === undefined) throw new Error("an app has a ticket name");
  const around = notarySurroundings({ ...keyring.world, signal }, report);
  const ticket = await lookUpTicket({ recordName, around, url: keyring.world.appleUrls?.tickets });
  await writeWholeOutput(output, { mode: 0o644 }, (handle) =>
    addMember(path, handle, contents, { name: `${app}/Contents/CodeResources`, like: infoPlist, content: ticket }),
  );
}

/** The name of the one `.app` folder at the top. */
function onlyApp(path: string, members: readonly ZipMember[]): string {
  const apps = new Set(members.map(({ name }) => name.split("/")[0] ?? "").filter((name) => name.endsWith(".app")));
  const [app] = apps;
  if (app !== undefined && apps.size === 1) return app;
  throw notAnApp(path, `it has ${apps.size} apps at its top`);
}

function notAnApp(path: string, why: string): ErthError {
  return new ErthError({
    code: "NOTARY_KIND",
    message: `${basename(path)} is no zip of one app: ${why}.`,
    remedy: "make it again: erth package",
    facts: { path },
  });
}
