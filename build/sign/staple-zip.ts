/**
 * Puts a ticket into an app that is already in a zip: what `stapler` does to
 * the folder, without unpacking the rest. The ticket is that of the app's main
 * executable, the only file besides its `Info.plist` that is looked at.
 */
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { ErthError } from "../../runtime/base/errors.ts";
import { withFileRange } from "../formats/byte-range.ts";
import { parsePlist } from "../formats/plist-parse.ts";
import { fileSink } from "../formats/sink.ts";
import { readZipData } from "../formats/zip-data.ts";
import { readZip, type ZipRecord } from "../formats/zip-directory.ts";
import { appendWithFile } from "../formats/zip-edit.ts";
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
  await withFileRange(path, async (range) => {
    const zip = await readZip(range);
    const app = onlyApp(path, zip.records);
    const find = (inside: string): ZipRecord => {
      const found = zip.records.find(({ name }) => name === `${app}/${inside}`);
      if (found === undefined) throw notAnApp(path, `${app} has no ${inside}`);
      return found;
    };
    const { mode } = find("Contents/Info.plist");
    const folder = await mkdtemp(join(tmpdir(), "erth-staple-"));
    let recordName: string | undefined;
    try {
      const extract = async (inside: string): Promise<string> => {
        const place = join(folder, "App.app", inside);
        await mkdir(dirname(place), { recursive: true });
        await pipeline(readZipData(range, find(inside)), createWriteStream(place));
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
    const added = { name: `${app}/Contents/CodeResources`, mode, content: ticket };
    await writeWholeOutput(output, { mode: 0o644 }, (handle) => appendWithFile(fileSink(handle), range, zip, added));
  });
}

/** The name of the one `.app` folder at the top. */
function onlyApp(path: string, records: readonly ZipRecord[]): string {
  const apps = new Set(records.map(({ name }) => name.split("/")[0] ?? "").filter((name) => name.endsWith(".app")));
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
